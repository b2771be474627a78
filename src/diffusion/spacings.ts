/** @file At which noise levels a run takes its steps: the spacings of sigmas. */
import { type NoiseSchedule, timestepToSigma } from './noise-schedule.ts';

export type SchedulerName =
  | 'karras'
  | 'exponential'
  | 'normal'
  | 'sgm_uniform'
  | 'simple'
  | 'trailing'
  | 'leading';

export interface SpacingOptions {
  readonly steps: number;
  /** Timestep of the last step of `leading`; the checkpoint's `steps_offset`, 1 for Stable Diffusion. */
  readonly stepsOffset?: number;
}

const linspace = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => (count === 1 ? from : from + ((to - from) * i) / (count - 1)));

/** Karras et al. 2022, eq. 5, ρ = 7. */
function karras(sigmaMin: number, sigmaMax: number, steps: number): number[] {
  const rho = 7;
  const [low, high] = [sigmaMin ** (1 / rho), sigmaMax ** (1 / rho)];
  return linspace(0, 1, steps).map(ramp => (high + ramp * (low - high)) ** rho);
}

/** NumPy's rounding: halves go to the even neighbour. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  return x - floor === 0.5 ? floor + (floor % 2) : Math.round(x);
}

/** Timesteps from the last training step downwards (Lin et al. 2023, table 2 "trailing"). */
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

type Spacing = (schedule: NoiseSchedule, options: SpacingOptions) => number[];

/** Sigmas of `steps` steps, falling, without the final one. Formulas: k-diffusion and A1111 `sd_schedulers.py`. */
const spacings: Readonly<Record<SchedulerName, Spacing>> = {
  karras: ({ sigmas }, { steps }) => karras(sigmas[0], sigmas[sigmas.length - 1], steps),
  exponential: ({ sigmas }, { steps }) =>
    linspace(Math.log(sigmas[sigmas.length - 1]), Math.log(sigmas[0]), steps).map(Math.exp),
  normal: (schedule, { steps }) =>
    linspace(schedule.sigmas.length - 1, 0, steps).map(t => timestepToSigma(schedule, t)),
  sgm_uniform: (schedule, { steps }) =>
    linspace(schedule.sigmas.length - 1, 0, steps + 1)
      .slice(0, -1)
      .map(t => timestepToSigma(schedule, t)),
  simple: ({ sigmas }, { steps }) => {
    const stride = sigmas.length / steps;
    return Array.from({ length: steps }, (_, i) => sigmas[sigmas.length - 1 - Math.floor(i * stride)]);
  },
  trailing: (schedule, { steps }) => trailingTimesteps(schedule, steps).map(t => schedule.sigmas[t]),
  leading: (schedule, { steps, stepsOffset = 1 }) =>
    leadingTimesteps(schedule, steps, stepsOffset).map(t => schedule.sigmas[t]),
};

/** Falling sigmas of a run, with the final 0. */
export function sigmasFor(name: SchedulerName, schedule: NoiseSchedule, options: SpacingOptions): number[] {
  return [...spacings[name](schedule, options), 0];
}
