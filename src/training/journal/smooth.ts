/** @file The smoothed loss: an exponential mean without the bias of its start, as TensorBoard draws it. */

/** Weight of what was; about the last 20 steps count. */
const weight = 0.95;

export interface Smoother {
  next(value: number): number;
}

/** s ← w·s + (1 − w)·x, shown as s / (1 − wⁿ). */
export function openSmoother(before: readonly number[] = []): Smoother {
  let [sum, left] = [0, 1];
  const next = (value: number): number => {
    sum = weight * sum + (1 - weight) * value;
    left *= weight;
    return sum / (1 - left);
  };
  for (const value of before) next(value);
  return { next };
}
