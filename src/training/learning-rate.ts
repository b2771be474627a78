/** @file Learning-rate schedules as pure functions of the step. */

export type ScheduleName = 'constant' | 'cosine' | 'linear';

export interface RateSchedule {
  readonly name: ScheduleName;
  readonly rate: number;
  readonly warmupSteps: number;
  readonly steps: number;
}

/** The rate of step `step` (0-based): linear warm-up, then constant, or falling to 0 as a half cosine or a line. */
export function learningRateAt({ name, rate, warmupSteps, steps }: RateSchedule, step: number): number {
  if (step < warmupSteps) return (rate * (step + 1)) / warmupSteps;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
  switch (name) {
    case 'constant':
      return rate;
    case 'cosine':
      return rate * 0.5 * (1 + Math.cos(Math.PI * progress));
    case 'linear':
      return rate * (1 - progress);
  }
}
