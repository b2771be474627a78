/** @file Evenly spread numbers, and between them. */

/** `count` numbers from `from` to `to`, both included; one number is `from`. */
export const linspace = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => (count === 1 ? from : from + ((to - from) * i) / (count - 1)));

/** The value at a fractional index; linear, or where asked linear in the logarithm. */
export function valueAt(values: ArrayLike<number>, index: number, logarithmic = false): number {
  const low = Math.max(0, Math.min(Math.floor(index), values.length - 2));
  const along = index - low;
  if (!logarithmic) return (1 - along) * values[low] + along * values[low + 1];
  return Math.exp((1 - along) * Math.log(values[low]) + along * Math.log(values[low + 1]));
}

/** NumPy's rounding: halves go to the even neighbour. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  return x - floor === 0.5 ? floor + (floor % 2) : Math.round(x);
}
