/** @file How LoKr cuts a layer's sides into a small and a large factor (LyCORIS, functional/general.py, factorization). */

/**
 * Two factors of `size`, the smaller one first: of those whose smaller one is at most `factor`, the closest to each
 * other; −1 sets no limit. A `factor` that divides `size` is taken as it is.
 */
export function factorize(size: number, factor: number): [number, number] {
  if (factor > 0 && size % factor === 0) {
    const other = size / factor;
    return factor < other ? [factor, other] : [other, factor];
  }
  const limit = factor < 0 ? size : factor;
  for (let small = Math.min(limit, Math.floor(Math.sqrt(size))); small > 1; small--)
    if (size % small === 0) return [small, size / small];
  return [1, size];
}
