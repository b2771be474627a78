/**
 * @file `(more)`, `[less]`, `(word:1.3)`, escapes and `BREAK` as A1111 reads them (`modules/prompt_parser.py`), to the last
 * bit of a weight and with what it makes of mistakes; in linear time.
 */
import { usageError } from '../../errors.ts';
import { characterAt } from './character-at.ts';
import { pythonSpace, skipSpace, skipSpaceBack, wholeWord } from './python-text.ts';
import type { WeightedText } from './weighted-text.ts';

const factors = { round: 1.1, square: 1 / 1.1 } as const;
type Bracket = keyof typeof factors;

/** Escapes, brackets, the weight that ends a bracket, and text between them; every character is part of one. */
const tokenPattern = new RegExp(
  String.raw`\\[()[\]\\]?|[()[\]]|:[${pythonSpace}]*([+-]?[.\d]+)[${pythonSpace}]*\)|[^\\()[\]:]+|:`,
  'g',
);
const breakPattern = wholeWord('BREAK');

/** A bracket's weight, and the pieces that it is on: `from` … `to` − 1. */
interface Emphasis {
  readonly bracket: Bracket;
  readonly from: number;
  readonly to: number;
  readonly factor: number;
  /** Weights are multiplied in the order in which brackets end; floating point can tell. */
  readonly order: number;
}

/** `1.2.3` is looked at as a weight, and is none; A1111 fails on it too. */
function parseWeight(text: string, token: string, character: number): number {
  const value = Number(text);
  if (!Number.isNaN(value)) return value;
  const message = `"${token}" at character ${character} of the prompt: ${text} is not a number`;
  throw usageError('PROMPT_SYNTAX', message, 'Write (word:1.2), or \\( and \\) for brackets that are text.');
}

/** Adds the pieces of a text without brackets: it may hold BREAKs, whose white space is theirs. */
function addText(pieces: string[], breaks: Set<number>, text: string): void {
  let from = 0;
  for (const { index } of text.matchAll(breakPattern)) {
    pieces.push(text.slice(from, Math.max(from, skipSpaceBack(text, index))));
    breaks.add(pieces.length);
    pieces.push('BREAK');
    from = skipSpace(text, index + 'BREAK'.length);
  }
  pieces.push(text.slice(from));
}

interface Scan {
  readonly pieces: readonly string[];
  readonly breaks: ReadonlySet<number>;
  readonly emphases: readonly Emphasis[];
}

function scan(text: string, characterOf: (position: number) => number): Scan {
  const pieces: string[] = [];
  const breaks = new Set<number>();
  const emphases: Emphasis[] = [];
  const open: Record<Bracket, number[]> = { round: [], square: [] };
  const close = (bracket: Bracket, from: number, factor: number): void => {
    emphases.push({ bracket, from, to: pieces.length, factor, order: emphases.length });
  };
  for (const { 0: token, 1: weight, index } of text.matchAll(tokenPattern)) {
    if (token.startsWith('\\')) pieces.push(token.slice(1));
    else if (token === '(') open.round.push(pieces.length);
    else if (token === '[') open.square.push(pieces.length);
    else if (weight !== undefined && open.round.length > 0)
      close('round', open.round.pop() as number, parseWeight(weight, token, characterOf(index)));
    else if (token === ')' && open.round.length > 0)
      close('round', open.round.pop() as number, factors.round);
    else if (token === ']' && open.square.length > 0)
      close('square', open.square.pop() as number, factors.square);
    else addText(pieces, breaks, token);
  }
  // A bracket that is not closed goes to the end.
  for (const bracket of ['round', 'square'] as const)
    for (const from of open[bracket]) close(bracket, from, factors[bracket]);
  return { pieces, breaks, emphases };
}

/** Deeper than this, weights are products from outside in, which may differ in the last bits. */
const exactDepth = 64;

/** Emphases around a piece: of one kind of bracket, the outermost first. */
interface Around {
  readonly emphases: Emphasis[];
  /** `products[n]`: of the n outermost. */
  readonly products: number[];
}

function weightOf(start: number, { round, square }: Record<Bracket, Around>): number {
  let [i, j] = [round.emphases.length, square.emphases.length];
  if (i + j > exactDepth) return start * round.products[i] * square.products[j];
  let weight = start;
  while (i > 0 || j > 0) {
    const isRound = j === 0 || (i > 0 && round.emphases[i - 1].order < square.emphases[j - 1].order);
    weight *= isRound ? round.emphases[--i].factor : square.emphases[--j].factor;
  }
  return weight;
}

/** Weights of all pieces: a sweep over the pieces with those emphases in hand that are around each. */
function weightsOf({ pieces, breaks, emphases }: Scan): number[] {
  const starting = new Map<number, Emphasis[]>();
  // Of those that start together the outermost ends last.
  for (const emphasis of [...emphases].reverse()) {
    if (emphasis.to === emphasis.from) continue;
    const others = starting.get(emphasis.from);
    if (others) others.push(emphasis);
    else starting.set(emphasis.from, [emphasis]);
  }
  const around: Record<Bracket, Around> = {
    round: { emphases: [], products: [1] },
    square: { emphases: [], products: [1] },
  };
  return pieces.map((_, place) => {
    for (const { emphases, products } of Object.values(around))
      while (emphases.length > 0 && emphases[emphases.length - 1].to <= place) {
        emphases.pop();
        products.pop();
      }
    for (const emphasis of starting.get(place) ?? []) {
      const { emphases, products } = around[emphasis.bracket];
      emphases.push(emphasis);
      products.push(products[products.length - 1] * emphasis.factor);
    }
    return weightOf(breaks.has(place) ? -1 : 1, around);
  });
}

/**
 * Pieces of a prompt with their weights, as A1111's `parse_prompt_attention` gives them; neighbours of the same weight are
 * one. BREAK inside brackets is a word, as there. Throws PROMPT_SYNTAX for `(word:1.2.3)`.
 *
 * @param characterOf how an error names a position in the text
 */
export function parseAttention(text: string, characterOf = characterAt): WeightedText[] {
  const found = scan(text, characterOf);
  const weights = weightsOf(found);
  const merged: { texts: string[]; weight: number }[] = [];
  for (const [place, piece] of found.pieces.entries()) {
    const last = merged[merged.length - 1];
    if (last !== undefined && last.weight === weights[place]) last.texts.push(piece);
    else merged.push({ texts: [piece], weight: weights[place] });
  }
  if (merged.length === 0) return [{ text: '', weight: 1 }];
  return merged.map(({ texts, weight }) => {
    const joined = texts.join('');
    return joined === 'BREAK' && weight === -1
      ? { text: joined, weight, isBreak: true }
      : { text: joined, weight };
  });
}
