/** @file Gradients by central finite differences in float64: the oracle of the gradient rules. */

/** Gradient of `loss` at `point`: (loss(x + h) − loss(x − h)) / 2h for each element. */
export function finiteDifferences(
  loss: (point: Float64Array) => number,
  point: Float64Array,
  step = 1e-5,
): Float64Array {
  const moved = point.slice();
  return point.map((x, i) => {
    moved[i] = x + step;
    const above = loss(moved);
    moved[i] = x - step;
    const below = loss(moved);
    moved[i] = x;
    return (above - below) / (2 * step);
  });
}

/** ‖actual − expected‖ / ‖expected‖ */
export function relativeDistance(actual: Float64Array, expected: Float64Array): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let size = 0;
  for (const [i, value] of expected.entries()) {
    difference += (actual[i] - value) ** 2;
    size += value ** 2;
  }
  return Math.sqrt(difference / size);
}
