/** @file Learning-rate schedules as pure functions of the step. */

export const scheduleNames = [
  'constant',
  'linear',
  'cosine',
  'cosine-restarts',
  'polynomial',
  'rex',
  'warmup-stable-decay',
  'inverse-sqrt',
] as const;

export type ScheduleName = (typeof scheduleNames)[number];

export interface RateSchedule {
  readonly name: ScheduleName;
  readonly rate: number;
  readonly warmupSteps: number;
  readonly steps: number;
  /** `cosine-restarts`: how often it falls. */
  readonly cycles?: number;
  /** `polynomial`. */
  readonly power?: number;
  /** Of the rate, where it ends; `constant` does not fall. */
  readonly minRatio?: number;
  /** `warmup-stable-decay`: the last steps, in which it falls; null or not given = a fifth of all. */
  readonly decaySteps?: number | null;
}

const halfCosine = (progress: number): number => 0.5 * (1 + Math.cos(Math.PI * progress));

/** Chen et al. 2022, "REX: revisiting budgeted training with an improved schedule", with OneTrainer's 0.9. */
const rex = (progress: number): number => (1 - progress) / (0.1 + 0.9 * (1 - progress));

const usualDecaySteps = (steps: number): number => Math.ceil(steps / 5);

/** Zhai et al. 2022: as slow as the warm-up was long; without one, ten thousand steps (transformers). */
function inverseRoot({ warmupSteps }: RateSchedule, step: number): number {
  const timescale = warmupSteps || 10_000;
  return 1 / Math.sqrt((step - warmupSteps + timescale) / timescale);
}

/** What is left of the rate after warm-up, from 1 to 0; `progress` is the part of the steps after it that is done. */
function factorAt(schedule: RateSchedule, step: number, progress: number): number {
  switch (schedule.name) {
    case 'constant':
      return 1;
    case 'linear':
      return 1 - progress;
    case 'cosine':
      return halfCosine(progress);
    case 'cosine-restarts':
      return progress >= 1 ? 0 : halfCosine(((schedule.cycles ?? 1) * progress) % 1);
    case 'polynomial':
      return (1 - progress) ** (schedule.power ?? 1);
    case 'rex':
      return rex(progress);
    case 'warmup-stable-decay': {
      const decaySteps = schedule.decaySteps ?? usualDecaySteps(schedule.steps);
      const done = step - (schedule.steps - decaySteps);
      return halfCosine(Math.min(1, Math.max(0, done / Math.max(1, decaySteps))));
    }
    case 'inverse-sqrt':
      return inverseRoot(schedule, step);
  }
}

/**
 * The rate of step `step` (0-based): linear warm-up to the rate in `warmupSteps` steps, then as the schedule falls.
 * Formulas are those of diffusers and transformers, but for the warm-up, whose first step has a rate above 0.
 */
export function learningRateAt(schedule: RateSchedule, step: number): number {
  const { rate, warmupSteps, steps, minRatio = 0 } = schedule;
  if (step < warmupSteps) return (rate * (step + 1)) / warmupSteps;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
  return rate * (minRatio + (1 - minRatio) * factorAt(schedule, step, progress));
}
