/** @file Means with what is known of them: 95 % intervals of Student's t over pictures, and of paired differences. */

export interface Interval {
  readonly mean: number;
  /** Standard error of the mean; infinite for a single value. */
  readonly error: number;
  readonly low: number;
  readonly high: number;
  /** Values that the mean is of. */
  readonly n: number;
}

/** 97.5 % points of Student's t for 1 … 10 degrees of freedom. */
const fewDegrees = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281];
const normalPoint = 1.959964;

/** The point that Student's t passes with a chance of 2.5 % (beyond 10 degrees: Abramowitz & Stegun 26.7.5). */
export function studentPoint(degrees: number): number {
  if (degrees < 1) return Number.POSITIVE_INFINITY;
  if (degrees <= fewDegrees.length) return fewDegrees[degrees - 1];
  const z = normalPoint;
  const first = (z ** 3 + z) / 4;
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  return z + first / degrees + second / degrees ** 2 + third / degrees ** 3;
}

export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean and 95 % interval of values that do not depend on each other; of one value the interval is everything. */
export function meanInterval(values: readonly number[]): Interval {
  const n = values.length;
  const mean = meanOf(values);
  if (n < 2) {
    const everything = Number.POSITIVE_INFINITY;
    return { mean, error: everything, low: -everything, high: everything, n };
  }
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const error = Math.sqrt(variance / n);
  const reach = studentPoint(n - 1) * error;
  return { mean, error, low: mean - reach, high: mean + reach, n };
}

/** Of the differences of two measurements of the same things: what both have in common is not in it. */
export function pairedInterval(later: readonly number[], earlier: readonly number[]): Interval {
  if (later.length !== earlier.length)
    throw new RangeError(`${later.length} values cannot be paired with ${earlier.length}`);
  return meanInterval(later.map((value, i) => value - earlier[i]));
}
