/** @file What the values of such options may be. */
import { usageError } from '../../errors.ts';
import { choiceOption, integerOption, numberOption } from '../numbers.ts';

export const randomSeed = (): bigint => BigInt(Math.floor(Math.random() * 2 ** 32));

/** A whole number of up to 64 bits, which a JavaScript number does not hold; −1 is a random seed, as in A1111. */
export const seedOption =
  (name: string) =>
  (text: string): bigint => {
    if (text === '-1') return randomSeed();
    if (/^\d+$/.test(text) && BigInt(text) < 2n ** 64n) return BigInt(text);
    throw usageError('SEED_INVALID', `${name} ${text} is not a whole number from 0 to 2⁶⁴ − 1`);
  };

export const shareOption =
  (name: string) =>
  (text: string): number => {
    const value = numberOption(name)(text);
    if (value >= 0 && value <= 1) return value;
    throw usageError('STRENGTH_INVALID', `${name} ${text}: give a number from 0 to 1`);
  };

/** A number of at least 0. */
export const amountOption =
  (name: string) =>
  (text: string): number => {
    const value = numberOption(name)(text);
    if (value >= 0) return value;
    throw usageError('OPTION_INVALID', `${name} ${text}: give a number of at least 0`);
  };

/** A whole number of at least 0. */
export const pixelsOption =
  (name: string) =>
  (text: string): number => {
    const value = integerOption(name)(text);
    if (value >= 0) return value;
    throw usageError('OPTION_INVALID', `${name} ${text}: give a number of pixels of at least 0`);
  };

/** A second pass that shrinks is none. */
export function hiresOption(text: string): number {
  const value = numberOption('--hires')(text);
  if (value >= 1) return value;
  throw usageError('HIRES_SIZE_INVALID', `--hires ${text}: give a factor of at least 1, e.g. 2`);
}

/** A path in a shell variable that is empty would be the current folder, or nothing. */
export const fileOption =
  (name: string) =>
  (text: string): string => {
    if (text !== '') return text;
    throw usageError('OPTION_INVALID', `${name} names no file: the text after it is empty`);
  };

export function rangeOption(text: string): [number, number] {
  const match = /^([\d.]+)-([\d.]+|inf)$/.exec(text);
  const [from, to] = [Number(match?.[1]), match?.[2] === 'inf' ? Number.MAX_VALUE : Number(match?.[2])];
  if (from >= 0 && to > from) return [from, to];
  throw usageError('OPTION_INVALID', `--churn-range ${text}: give two sigmas, e.g. 0.05-50`);
}

export const oneOf = <Name extends string>(option: string, names: readonly Name[]) =>
  choiceOption(
    option,
    Object.fromEntries(names.map(name => [name, name])) as Record<string, Name>,
    names.join(', '),
  );
