/** @file Chooses alternatives and lines of wildcard files: `{red|blue} __animal__` → `blue cat`, by the picture's seed. */
import { type RandomStream, randomStream } from '../../engine/index.ts';
import { LoraError, usageError } from '../../errors.ts';
import { characterAt } from './character-at.ts';
import { openWildcards, type Wildcards } from './wildcards-files.ts';
import { type Alternatives, type Option, parseTemplate, type TemplatePart } from './wildcards-parse.ts';

export { openWildcards, type Wildcards };

export interface ExpandOptions {
  /** Of the picture; the same seed chooses the same, whatever else is in the batch. */
  readonly seed: bigint | number;
  /** Opened once for all pictures, or folders to open. */
  readonly wildcards: Wildcards | readonly string[];
  /** The two prompts of one picture choose independently. */
  readonly role?: 'prompt' | 'negative';
}

export interface ExpandedPrompt {
  readonly text: string;
  /** Whether the text has alternatives or wildcards in it. */
  readonly changed: boolean;
}

/** Wildcards within lines of wildcards, and what they all may come to. */
const deepest = 24;
const mostCharacters = 2 ** 20;
const mostChoices = 10_000;
const mostDrawn = 1000;

interface Expansion {
  readonly random: RandomStream;
  readonly wildcards: Wildcards;
  /** Of all texts that were opened on the way here. */
  readonly chain: readonly string[];
  readonly spent: { choices: number; characters: number };
}

/** Seeds have up to 64 bits, streams take 53. */
const streamSeed = (seed: bigint | number): number => {
  const bits = BigInt.asUintN(64, BigInt(seed));
  return Number((bits ^ (bits >> 53n)) & (2n ** 53n - 1n));
};

function tooMuch(what: string): Error {
  const hint = 'Do wildcard files mention each other more than once a line?';
  return usageError('WILDCARD_TOO_MUCH', `alternatives and wildcards come to more than ${what}`, hint);
}

function spend(spent: Expansion['spent'], characters: number): void {
  spent.choices++;
  spent.characters += characters;
  if (spent.choices > mostChoices) throw tooMuch(`${mostChoices} choices`);
  if (spent.characters > mostCharacters) throw tooMuch(`${mostCharacters} characters`);
}

interface Weighted {
  readonly weight: number;
}

/** Where `at`, a share of the sum of weights, falls. */
function placeOf(options: readonly Weighted[], at: number): number {
  let sum = 0;
  for (const [i, { weight }] of options.entries()) {
    sum += weight;
    if (at < sum) return i;
  }
  return options.length - 1; // the sums were rounded
}

/** `count` of the options without repetition, by weight; those of weight 0 are never taken. */
function draw<T extends Weighted>(options: readonly T[], count: number, random: RandomStream): T[] {
  if (count > mostDrawn) throw tooMuch(`${mostDrawn} of one list`);
  const left = options.filter(({ weight }) => weight > 0);
  const taken: T[] = [];
  let total = left.reduce((sum, { weight }) => sum + weight, 0);
  while (taken.length < count && left.length > 0) {
    const [chosen] = left.splice(placeOf(left, random.uniform() * total), 1);
    total -= chosen.weight;
    taken.push(chosen);
  }
  return taken;
}

/** A line of a wildcard file as one of several to choose from. */
interface Line {
  readonly weight: 1;
  readonly line: string;
  readonly name: string;
}

/** The options of `{2$$__colours__}`: a wildcard alone stands for its lines. */
function optionsOf({ options, most }: Alternatives, { wildcards }: Expansion): readonly (Option | Line)[] {
  const parts = options.length === 1 ? options[0].parts : [];
  const only = parts.length === 1 ? parts[0] : '';
  if (typeof only === 'string' || only.kind !== 'wildcard' || most === 1) return options;
  return wildcards.lines(only.name).map(line => ({ weight: 1, line, name: only.name }));
}

function expandAlternatives(part: Alternatives, expansion: Expansion): string {
  const options = optionsOf(part, expansion);
  const [low, high] = [Math.min(part.least, options.length), Math.min(part.most, options.length)];
  const count = low + (high > low ? expansion.random.integer(high - low + 1) : 0);
  if (count > 0 && options.every(({ weight }) => weight === 0))
    throw usageError(
      'PROMPT_ALTERNATIVES',
      `all alternatives at character ${characterAt(part.position)} have the weight 0`,
      'Give one of them a weight above 0: {2::a|b}.',
    );
  return draw(options, count, expansion.random)
    .map(option =>
      'line' in option
        ? expandLine(option.line, option.name, expansion)
        : expandParts(option.parts, expansion),
    )
    .join(part.separator);
}

function expandLine(line: string, name: string, expansion: Expansion): string {
  const chain = [...expansion.chain, name];
  if (chain.length > deepest) {
    const last = chain.lastIndexOf(name, -2);
    const cycle = chain.slice(Math.max(0, last)).join(' → ');
    const hint = 'A wildcard file may mention itself only where another line ends it.';
    throw usageError(
      'WILDCARD_CYCLE',
      `wildcards within wildcards, more than ${deepest} deep: ${cycle}`,
      hint,
    );
  }
  return expandParts(parseTemplate(line, `__${name}__, "${line.slice(0, 80)}"`), { ...expansion, chain });
}

function expandWildcard(name: string, expansion: Expansion): string {
  const lines = expansion.wildcards.lines(name);
  return expandLine(lines[expansion.random.integer(lines.length)], name, expansion);
}

function expandParts(parts: readonly TemplatePart[], expansion: Expansion): string {
  const texts = parts.map(part => {
    if (typeof part === 'string') return part;
    if (part.kind === 'alternatives') return expandAlternatives(part, expansion);
    try {
      return expandWildcard(part.name, expansion);
    } catch (error) {
      throw expansion.chain.length > 0 ? error : located(error, part.position);
    }
  });
  const text = texts.join('');
  if (parts.length > 1 || typeof parts[0] === 'object') spend(expansion.spent, text.length);
  return text;
}

/** With the position of the wildcard in the prompt. */
function located(error: unknown, position: number): unknown {
  if (!(error instanceof LoraError) || !error.code.startsWith('WILDCARD_')) return error;
  const { code, message, hint, exit } = error;
  const options = { exit, cause: error, ...(hint === undefined ? {} : { hint }) };
  return new LoraError(code, `${message} (at character ${characterAt(position)} of the prompt)`, options);
}

/**
 * Chooses for one picture. Throws PROMPT_ALTERNATIVES for syntax, with the position; WILDCARD_NOT_FOUND with near names,
 * WILDCARD_EMPTY, WILDCARD_TOO_LARGE for files; WILDCARD_CYCLE and WILDCARD_TOO_MUCH where there is no end.
 */
export function expandPrompt(
  text: string,
  { seed, wildcards, role = 'prompt' }: ExpandOptions,
): ExpandedPrompt {
  const parts = parseTemplate(text, 'the prompt');
  if (parts.every(part => typeof part === 'string')) return { text, changed: false };
  const random = randomStream(streamSeed(seed), 'wildcards', role === 'prompt' ? 0 : 1);
  const opened = 'lines' in wildcards ? wildcards : openWildcards(wildcards);
  const spent = { choices: 0, characters: 0 };
  return { text: expandParts(parts, { random, wildcards: opened, chain: [], spent }), changed: true };
}
