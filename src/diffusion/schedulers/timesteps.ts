/** @file Spacings that are told in timesteps: the three of Lin et al. 2023 (table 2), and those of A1111's own samplers. */
import type { NoiseSchedule } from '../noise-schedule.ts';
import { linspace, roundHalfEven, valueAt } from './interpolation.ts';

export type TimestepSpacing = 'leading' | 'trailing' | 'linspace';

/** Timesteps from the last training step downwards. */
export function trailingTimesteps({ sigmas }: NoiseSchedule, steps: number): number[] {
  const stride = sigmas.length / steps;
  return Array.from({ length: steps }, (_, i) => roundHalfEven(sigmas.length - i * stride) - 1);
}

/** Timesteps that start at `offset` and go up in whole strides, in falling order. */
export function leadingTimesteps({ sigmas }: NoiseSchedule, steps: number, offset: number): number[] {
  const stride = Math.floor(sigmas.length / steps);
  return Array.from({ length: steps }, (_, i) =>
    Math.min(sigmas.length - 1, (steps - 1 - i) * stride + offset),
  );
}

/**
 * Timesteps of diffusers: its samplers of k-diffusion's kind take steps between training steps, its multistep solvers
 * whole ones, and leave out the lowest of one step more.
 */
export function diffusersTimesteps(
  schedule: NoiseSchedule,
  spacing: TimestepSpacing,
  { steps, stepsOffset, isMultistep }: { steps: number; stepsOffset: number; isMultistep: boolean },
): number[] {
  const last = schedule.sigmas.length - 1;
  if (spacing === 'trailing') return trailingTimesteps(schedule, steps);
  const count = isMultistep ? steps + 1 : steps;
  const timesteps =
    spacing === 'leading'
      ? leadingTimesteps(schedule, count, stepsOffset)
      : linspace(0, last, count).reverse();
  if (!isMultistep) return timesteps;
  return timesteps.slice(0, steps).map(roundHalfEven);
}

/** A1111's DDIM and UniPC: whole strides up from 1, rising; may be more than `steps`. */
export function stridedTimesteps({ sigmas }: NoiseSchedule, steps: number): number[] {
  const stride = Math.max(1, Math.floor(sigmas.length / steps));
  const count = Math.ceil(sigmas.length / stride);
  return Array.from({ length: count }, (_, i) => Math.min(sigmas.length - 1, i * stride + 1));
}

/** A1111's UniPC: times evenly from `start` (1 is the last training step) to the first step, between which log ᾱ is linear. */
export function uniformTimeSigmas({ alphasCumprod }: NoiseSchedule, steps: number, start = 1): number[] {
  const count = alphasCumprod.length;
  return linspace(start, 1 / count, steps + 1).map(time => {
    const alphaBar = valueAt(alphasCumprod, time * count - 1, true);
    return Math.sqrt((1 - alphaBar) / alphaBar);
  });
}

/** Latent consistency models were trained on fifty timesteps (Luo et al. 2023, §4.3), the last of each fiftieth. */
const lcmLevels = 50;

/** A1111's: evenly spread over the fifty levels, between which log σ is linear. */
export function lcmSigmas({ sigmas }: NoiseSchedule, steps: number): number[] {
  const stride = Math.floor(sigmas.length / lcmLevels);
  const levels = Array.from({ length: lcmLevels }, (_, i) => sigmas[sigmas.length - 1 - i * stride]);
  return [...linspace(0, lcmLevels - 1, steps).map(index => valueAt(levels, index, true)), 0];
}

/** diffusers': levels of the fifty themselves. */
export function lcmTimesteps({ sigmas }: NoiseSchedule, steps: number): number[] {
  const stride = Math.floor(sigmas.length / lcmLevels);
  return Array.from(
    { length: steps },
    (_, i) => (lcmLevels - Math.floor((i * lcmLevels) / steps)) * stride - 1,
  );
}
