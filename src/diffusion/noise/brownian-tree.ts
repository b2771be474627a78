/**
 * @file A Brownian motion that can be asked for any interval in any order and always is the same path: torchsde's
 * `BrownianTree` (Li et al. 2020, "Scalable gradients for stochastic differential equations", §4), which k-diffusion's
 * SDE samplers draw from. An interval's increment is split at its middle by a Brownian bridge; the seed of a split
 * comes from the place in the tree.
 */
import { seedWords } from './seed-sequence.ts';
import type { TorchGenerator } from './torch-normals.ts';

export interface BrownianTreeOptions {
  /** Entropy of the tree, not negative. */
  readonly seed: bigint;
  /** The whole interval, t0 ≤ t1. */
  readonly t0: number;
  readonly t1: number;
  /** Numbers of an increment. */
  readonly count: number;
  /** What a seed of 32 bits gives normals with. */
  readonly generator: (seed: bigint) => TorchGenerator;
}

export interface BrownianTree {
  /** W(b) − W(a) for a ≤ b; times are rounded to 1e-6, and beyond t0 or t1 nothing moves. */
  increment(a: number, b: number): Float32Array;
}

/** torchsde's defaults for `BrownianTree`. */
const poolSize = 24;
const digits = 6;

/** Python's `round(x, 6)`: `toFixed` rounds the exact value too, but takes ties up, not to even. */
function rounded(x: number): number {
  const isTie = Math.abs(x * 128) % 2 === 1; // the only ties: an odd number of 1/128
  if (!isTie) return Number(x.toFixed(digits));
  const low = Math.floor(x * 1e6);
  return Number(`${low % 2 === 0 ? low : low + 1}e-${digits}`);
}

interface Interval {
  readonly start: number;
  readonly end: number;
  /** Which of the 2^depth intervals of its depth, from the left. */
  readonly place: number;
  readonly depth: number;
  readonly increment: Float32Array;
  halves?: readonly [Interval, Interval] | undefined;
}

const { fround } = Math;

/** A tree over t0 … t1. Rounds to float32 where torch does, so only the normals' last bits differ. */
export function brownianTree({ seed, t0, t1, count, generator }: BrownianTreeOptions): BrownianTree {
  const normals = (spawnKey: readonly number[]): Float32Array =>
    generator(BigInt(seedWords({ entropy: seed, spawnKey, poolSize }, 1)[0])).normals(count);

  function split(interval: Interval): readonly [Interval, Interval] {
    const { start, end, place, depth, increment: whole } = interval;
    const middle = rounded(0.5 * (end + start));
    const [left, right] = [middle - start, end - middle];
    const perWhole = 1 / (end - start);
    const spread = fround(Math.sqrt(left * right * perWhole));
    const noise = normals([place, depth]);
    const before = new Float32Array(count);
    const after = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      const mean = fround(fround(fround(left) * whole[i]) * fround(perWhole));
      before[i] = mean + fround(spread * noise[i]);
      after[i] = whole[i] - before[i];
    }
    return [
      { start, end: middle, place: 2 * place, depth: depth + 1, increment: before },
      { start: middle, end, place: 2 * place + 1, depth: depth + 1, increment: after },
    ];
  }

  /** Adds the increment of a … b, which lies in the interval, from the fewest intervals that make it up. */
  function add(interval: Interval, a: number, b: number, sum: Float32Array): void {
    if (a === interval.start && b === interval.end) {
      for (let i = 0; i < count; i++) sum[i] += interval.increment[i];
      return;
    }
    interval.halves ??= split(interval);
    const [left, right] = interval.halves;
    if (a < left.end) add(left, a, Math.min(b, left.end), sum);
    if (b > right.start) add(right, Math.max(a, right.start), b, sum);
  }

  /** Forgets what does not touch a or b: the next question begins where this one ended, or lies within it. */
  function forget(interval: Interval, a: number, b: number): void {
    const touches = (t: number): boolean => interval.start <= t && t <= interval.end;
    if (!touches(a) && !touches(b)) interval.halves = undefined;
    for (const half of interval.halves ?? []) forget(half, a, b);
  }

  const top = normals([]).map(x => x * fround(Math.sqrt(t1 - t0)));
  const root: Interval = { start: rounded(t0), end: rounded(t1), place: 0, depth: 0, increment: top };
  const within = (t: number): number => Math.min(root.end, Math.max(root.start, rounded(t)));
  return {
    increment(from, to) {
      const [a, b] = [within(from), within(to)];
      const sum = new Float32Array(count);
      if (a < b) add(root, a, b, sum);
      forget(root, a, b);
      return sum;
    },
  };
}

/**
 * k-diffusion's `BrownianTreeNoiseSampler` over a tree: (sigma, sigmaNext) → standard normals, (W(σ') − W(σ))/√|σ' − σ|.
 * Sigmas count as float32, as they are there.
 */
export function brownianNoise(tree: BrownianTree): (sigma: number, sigmaNext: number) => Float32Array {
  return (sigma, sigmaNext) => {
    const [from, to] = [fround(sigma), fround(sigmaNext)];
    const increment = tree.increment(Math.min(from, to), Math.max(from, to));
    const scale = (from < to ? 1 : -1) * fround(Math.sqrt(Math.abs(fround(to - from))));
    return increment.map(x => x / scale);
  };
}
