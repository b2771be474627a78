/**
 * @file `(more)`, `(word:1.3)` and escapes as ComfyUI reads them (`comfy/sd1_clip.py`): a written weight stands for itself
 * and is not multiplied by those around it. Linear in the length, however deep brackets go.
 */
import type { WeightedText } from './weighted-text.ts';

const bracketFactor = 1.1;

/** Places of brackets and colons of one text. */
interface Places {
  /** For each bracket that opens, the one that closes it, or the end; 0 elsewhere. */
  readonly closing: Int32Array;
  /** Before each place: the last colon, −1 for none. */
  readonly colonBefore: Int32Array;
  /** Before each place: the last bracket, −1 for none. */
  readonly bracketBefore: Int32Array;
}

const isEscaped = (text: string, at: number): boolean => text[at - 1] === '\\';

function findPlaces(text: string): Places {
  const closing = new Int32Array(text.length);
  const colonBefore = new Int32Array(text.length + 1).fill(-1);
  const bracketBefore = new Int32Array(text.length + 1).fill(-1);
  const open: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    const isBracket = (character === '(' || character === ')') && !isEscaped(text, at);
    if (isBracket && character === '(') {
      closing[at] = text.length;
      open.push(at);
    } else if (isBracket) {
      const start = open.pop();
      if (start !== undefined) closing[start] = at;
    }
    colonBefore[at + 1] = character === ':' ? at : colonBefore[at];
    bracketBefore[at + 1] = isBracket ? at : bracketBefore[at];
  }
  return { closing, colonBefore, bracketBefore };
}

/** Python's `float`, of what people write. */
function parseFloatText(text: string): number | undefined {
  const trimmed = text.trim();
  const named = /^([+-]?)(?:inf|infinity)$/i.exec(trimmed);
  if (named) return named[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^[+-]?nan$/i.test(trimmed)) return Number.NaN;
  if (!/^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?$/i.test(trimmed))
    return undefined;
  return Number(trimmed.replaceAll('_', ''));
}

interface Span {
  readonly from: number;
  readonly to: number;
  readonly weight: number;
  /** A piece of text; else it may hold brackets. */
  readonly isText?: boolean;
}

/** What stands within brackets, without its weight. */
function insideOf(text: string, places: Places, from: number, to: number, around: number): Span {
  const colon = places.colonBefore[to];
  const mayBeNumber = colon > from && places.bracketBefore[to] < colon;
  const written = mayBeNumber ? parseFloatText(text.slice(colon + 1, to)) : undefined;
  return written === undefined
    ? { from, to, weight: around * bracketFactor }
    : { from, to: colon, weight: written };
}

/** One level: pieces of text and brackets one after the other. */
function splitLevel(text: string, places: Places, { from, to, weight }: Span): Span[] {
  const spans: Span[] = [];
  let start = from;
  let at = from;
  const addText = (end: number): void => {
    if (end > start) spans.push({ from: start, to: end, weight, isText: true });
  };
  // A bracket that closes nothing makes one more that opens nothing text.
  let missing = 0;
  while (at < to) {
    const isBracket = (text[at] === '(' || text[at] === ')') && !isEscaped(text, at);
    if (isBracket && text[at] === ')') missing++;
    if (!isBracket || text[at] === ')') {
      at++;
      continue;
    }
    if (missing > 0) {
      missing--;
      at++;
      continue;
    }
    addText(at);
    const close = places.closing[at];
    const isClosed = close < to;
    const endsLikeBracket = isClosed || (text[to - 1] === ')' && !isEscaped(text, to - 1) && to - at >= 2);
    const end = isClosed ? close : to - 1;
    if (endsLikeBracket) spans.push(insideOf(text, places, at + 1, end, weight));
    else spans.push({ from: at, to, weight, isText: true });
    at = isClosed ? close + 1 : to;
    start = at;
  }
  addText(to);
  return spans;
}

/** Pieces of a prompt with their weights, as ComfyUI's `token_weights` gives them. */
export function parseComfyWeights(text: string): WeightedText[] {
  const places = findPlaces(text);
  const pieces: WeightedText[] = [];
  const todo: Span[] = [{ from: 0, to: text.length, weight: 1 }];
  for (let span = todo.pop(); span !== undefined; span = todo.pop()) {
    const { from, to, weight, isText } = span;
    if (isText) pieces.push({ text: text.slice(from, to).replace(/\\([()])/g, '$1'), weight });
    else for (const inner of splitLevel(text, places, span).reverse()) todo.push(inner);
  }
  return pieces;
}
