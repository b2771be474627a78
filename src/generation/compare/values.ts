/**
 * @file Values of an axis as A1111's X/Y/Z plot writes them: a list with commas, where a value that holds a comma stands
 * in quotes, and ranges of numbers: `1-5`, `1-5 (+2)`, `0-1 [5]`.
 */
import type { LoraError } from '../../errors.ts';

/** A value as it was written. */
export interface Item {
  readonly text: string;
  /** Counted from 1. */
  readonly number: number;
  readonly isQuoted: boolean;
}

/** Makes the error of one axis, or of one of its values. */
export interface Failures {
  fail(why: string, hint?: string): LoraError;
  failAt(item: Item, why: string, hint?: string): LoraError;
}

/** Values of one axis; more of them fill no sheet that anybody looks at. */
export const mostValues = 1000;

/** A value from `at` on, in quotes or not, and where the next one begins. */
function readItem(text: string, at: number, number: number): { item: Item; end: number } | undefined {
  let start = at;
  while (text[start] === ' ') start++;
  if (text[start] !== '"') {
    const rest = text.slice(start);
    const end = start + (/[,\n]/.exec(rest)?.index ?? rest.length);
    return { item: { text: text.slice(start, end).trim(), number, isQuoted: false }, end };
  }
  let inside = '';
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] !== '"') inside += text[i];
    else if (text[i + 1] === '"') {
      inside += '"';
      i++;
    } else {
      const after = text.slice(i + 1);
      const end = i + 1 + (/[,\n]/.exec(after)?.index ?? after.length);
      const more = text.slice(i + 1, end).trim(); // as Python's csv, which A1111 reads with: what follows is joined on
      return { item: { text: inside + more, number, isQuoted: true }, end };
    }
  }
  return undefined;
}

/** Takes a list apart. Fails where it is empty, where a value is, or where a quote is not closed. */
export function splitValues(text: string, { fail, failAt }: Failures): Item[] {
  if (text.trim() === '') throw fail('has no values');
  const items: Item[] = [];
  for (let at = 0; at <= text.length; ) {
    const read = readItem(text, at, items.length + 1);
    if (!read) throw fail(`value ${items.length + 1} begins with a quote that is not closed`);
    const { item, end } = read;
    if (item.text === '' && !item.isQuoted) throw failAt(item, 'is empty', 'Write "" for no text.');
    items.push(item);
    at = end + 1;
  }
  return items;
}

const numeral = String.raw`[+-]?\s*(?:\d+(?:\.\d*)?|\.\d+)`;
const range = new RegExp(
  String.raw`^(${numeral})\s*-\s*(${numeral})\s*(?:\(\s*(${numeral})\s*\)|\[\s*(\d+)\s*\])?$`,
);

const plain = (text: string): string => text.replaceAll(/\s/g, '');
/** Without the digits that binary fractions add: 0.1 · 3 is 0.3. */
const tidy = (value: number): number => Number(value.toPrecision(12));

/** `from`, `from + step` … as long as `to` is not passed. */
function stepped(from: number, to: number, step: number): number[] {
  const count = Math.floor((to - from) / step + 1e-9) + 1;
  return Array.from({ length: Math.min(count, mostValues + 1) }, (_, i) => tidy(from + i * step));
}

/** `count` values evenly from `from` to `to`, both included. */
const spread = (from: number, to: number, count: number): number[] =>
  Array.from({ length: Math.min(count, mostValues + 1) }, (_, i) =>
    tidy(count === 1 ? from : from + ((to - from) * i) / (count - 1)),
  );

function readRange(item: Item, failures: Failures): number[] | undefined {
  const match = range.exec(item.text);
  if (!match) return undefined;
  const [from, to] = [Number(plain(match[1])), Number(plain(match[2]))];
  if (match[4] !== undefined) {
    if (Number(match[4]) === 0) throw failures.failAt(item, 'asks for no values');
    return spread(from, to, Number(match[4]));
  }
  const step = match[3] === undefined ? Math.sign(to - from) || 1 : Number(plain(match[3]));
  if (step === 0 || (to - from) * step < 0)
    throw failures.failAt(item, `does not come from ${from} to ${to} by steps of ${step}`);
  return stepped(from, to, step);
}

export interface NumberRule {
  readonly isWhole: boolean;
  readonly least?: number;
  readonly most?: number;
}

/** Reads numbers and ranges of numbers; both ends of a range belong to it. */
export function readNumbers(items: readonly Item[], rule: NumberRule, failures: Failures): number[] {
  const { isWhole, least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY } = rule;
  return items.flatMap(item => {
    const single = item.text.trim() === '' ? Number.NaN : Number(item.text);
    const values = Number.isFinite(single) ? [single] : readRange(item, failures);
    if (!values) {
      const hint = 'Write numbers, or a range: 1-5, 1-5 (+2) by steps of 2, 0-1 [5] for five values.';
      throw failures.failAt(item, 'is not a number', hint);
    }
    // As A1111: evenly spread whole numbers lose what is behind the point.
    const read = isWhole && values.length > 1 ? values.map(Math.trunc) : values;
    for (const value of read) {
      if (isWhole && !Number.isSafeInteger(value)) throw failures.failAt(item, 'is not a whole number');
      if (value < least || value > most)
        throw failures.failAt(item, `is not from ${least} to ${most}`.replace(/ to Infinity/, ' on'));
    }
    return read;
  });
}

const largestSeed = 2n ** 64n;

/** Reads seeds of up to 64 bits, and ranges of them. */
export function readSeeds(items: readonly Item[], failures: Failures): bigint[] {
  return items.flatMap(item => {
    if (/^\d+$/.test(item.text)) {
      if (BigInt(item.text) < largestSeed) return [BigInt(item.text)];
      throw failures.failAt(item, 'is above 2⁶⁴ − 1');
    }
    if (item.text === '-1')
      throw failures.failAt(item, 'asks for a random seed', 'A grid that is resumed needs the same again.');
    return readNumbers([item], { isWhole: true, least: 0 }, failures).map(BigInt);
  });
}
