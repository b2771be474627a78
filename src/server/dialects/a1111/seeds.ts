/** @file Seeds as A1111 counts them, chosen before the first job so that all jobs of a request know theirs. */

export type Seed = number | string;

const isAny = (value: Seed | null | undefined): boolean =>
  value === undefined || value === null || Number(value) < 0;

/** A given seed, or any of A1111's 2³². */
export const chosenSeed = (value: Seed | null | undefined): Seed =>
  isAny(value) ? Math.floor(Math.random() * 2 ** 32) : (value as Seed);

/** `seed + by`, exactly. What is no whole number is left for the schema to refuse. */
export function seedPlus(seed: Seed, by: number): Seed {
  if (by === 0 || (typeof seed === 'number' && !Number.isInteger(seed))) return seed;
  const sum = BigInt(seed) + BigInt(by);
  return sum <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(sum) : String(sum);
}
