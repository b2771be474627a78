/** @file Schedulers as data: what each is called, and at which noise levels it takes its steps. */
import { type NoiseSchedule, timestepToSigma } from '../noise-schedule.ts';
import { alignYourSteps, alignYourStepsToZero } from './align-your-steps.ts';
import { betaQuantile } from './beta.ts';
import { linspace } from './interpolation.ts';
import { leadingTimesteps, trailingTimesteps } from './timesteps.ts';

export type SchedulerName =
  | 'uniform'
  | 'karras'
  | 'exponential'
  | 'polyexponential'
  | 'sgm_uniform'
  | 'kl_optimal'
  | 'align_your_steps'
  | 'simple'
  | 'normal'
  | 'ddim'
  | 'beta'
  | 'trailing'
  | 'leading';

/** Whose rule is meant where programs do different things under one name. */
export type ScheduleRule = 'lora' | 'a1111' | 'comfy' | 'diffusers';

export interface SpacingOptions {
  readonly steps: number;
  /** Timestep of the last step of `leading`; the checkpoint's `steps_offset`, 1 for Stable Diffusion. */
  readonly stepsOffset?: number;
  readonly isSdxl?: boolean;
  /** Lowest and highest sigma, for schedulers that need nothing else; those of the schedule where absent. */
  readonly range?: readonly [number, number];
}

/** Sigmas of `steps` steps, falling, and the one after the last step. */
type Spacing = (schedule: NoiseSchedule, options: SpacingOptions) => number[];

export interface SchedulerRow {
  readonly name: SchedulerName;
  /** As A1111 shows it. */
  readonly label: string;
  /** Other names; case, spaces, `-` and `_` do not count. */
  readonly aliases: readonly string[];
  readonly sigmas: Spacing;
  /** Where ComfyUI has another formula. */
  readonly comfySigmas?: Spacing;
}

const rangeOf = ({ sigmas }: NoiseSchedule, { range }: SpacingOptions): readonly [number, number] =>
  range ?? [sigmas[0], sigmas[sigmas.length - 1]];

/** Karras et al. 2022, eq. 5, ρ = 7. */
const karras: Spacing = (schedule, options) => {
  const rho = 7;
  const [low, high] = rangeOf(schedule, options).map(sigma => sigma ** (1 / rho));
  return [...linspace(0, 1, options.steps).map(ramp => (high + ramp * (low - high)) ** rho), 0];
};

/** Evenly in log σ; with ρ = 1, which is all that programs offer without a node of its own, polyexponential is the same. */
const exponential: Spacing = (schedule, options) => {
  const [low, high] = rangeOf(schedule, options);
  return [...linspace(Math.log(high), Math.log(low), options.steps).map(Math.exp), 0];
};

const uniform: Spacing = (schedule, { steps }) => [
  ...linspace(schedule.sigmas.length - 1, 0, steps).map(t => timestepToSigma(schedule, t)),
  0,
];

const sgmUniform: Spacing = (schedule, { steps }) => [
  ...linspace(schedule.sigmas.length - 1, 0, steps + 1)
    .slice(0, -1)
    .map(t => timestepToSigma(schedule, t)),
  0,
];

/** Evenly in arctan σ (Sabour et al. 2024, eq. 19); A1111's last step ends at the lowest sigma, ComfyUI's at 0. */
const klOptimal =
  (endsAtZero: boolean): Spacing =>
  (schedule, options) => {
    const [low, high] = rangeOf(schedule, options).map(Math.atan);
    const count = endsAtZero ? options.steps : options.steps + 1;
    const sigmas = linspace(0, 1, count).map(along => Math.tan(along * low + (1 - along) * high));
    return endsAtZero ? [...sigmas, 0] : sigmas;
  };

const simple: Spacing = ({ sigmas }, { steps }) => {
  const stride = sigmas.length / steps;
  const levels = Array.from({ length: steps }, (_, i) => sigmas[sigmas.length - 1 - Math.floor(i * stride)]);
  return [...levels, 0];
};

/** Every n-th sigma up from the second, which may be more than `steps`. */
const strided: Spacing = ({ sigmas }, { steps }) => {
  const stride = Math.max(1, Math.floor(sigmas.length / steps));
  const out = [0];
  for (let t = 1; t < sigmas.length; t += stride) out.push(sigmas[t]);
  return out.reverse();
};

/** Lee et al. 2024, as A1111 and diffusers have it: the quantile lies between the lowest and the highest sigma. */
const beta: Spacing = (schedule, options) => {
  const [low, high] = rangeOf(schedule, options);
  return [...linspace(1, 0, options.steps).map(p => low + betaQuantile(p) * (high - low)), 0];
};

/** As ComfyUI has it: the quantile is a timestep; steps that would stay where they are fall away. */
const betaOfTimesteps: Spacing = ({ sigmas }, { steps }) => {
  const timesteps = Array.from({ length: steps }, (_, i) =>
    Math.round(betaQuantile(1 - i / steps) * (sigmas.length - 1)),
  );
  return [...timesteps.filter((t, i) => i === 0 || t !== timesteps[i - 1]).map(t => sigmas[t]), 0];
};

const trailing: Spacing = (schedule, { steps }) => [
  ...trailingTimesteps(schedule, steps).map(t => schedule.sigmas[t]),
  0,
];

const leading: Spacing = (schedule, { steps, stepsOffset = 1 }) => [
  ...leadingTimesteps(schedule, steps, stepsOffset).map(t => schedule.sigmas[t]),
  0,
];

/** In A1111's order; the last two are those of diffusers. */
export const schedulers: readonly SchedulerRow[] = [
  { name: 'uniform', label: 'Uniform', aliases: ['discrete', 'linspace'], sigmas: uniform },
  { name: 'karras', label: 'Karras', aliases: ['k'], sigmas: karras },
  { name: 'exponential', label: 'Exponential', aliases: [], sigmas: exponential },
  { name: 'polyexponential', label: 'Polyexponential', aliases: [], sigmas: exponential },
  { name: 'sgm_uniform', label: 'SGM Uniform', aliases: [], sigmas: sgmUniform },
  {
    ...{ name: 'kl_optimal', label: 'KL Optimal', aliases: [] },
    ...{ sigmas: klOptimal(false), comfySigmas: klOptimal(true) },
  },
  {
    ...{ name: 'align_your_steps', label: 'Align Your Steps', aliases: ['ays'] },
    sigmas: (_, { steps, isSdxl = false }) => alignYourSteps(steps, isSdxl),
    comfySigmas: (_, { steps, isSdxl = false }) => alignYourStepsToZero(steps, isSdxl),
  },
  { name: 'simple', label: 'Simple', aliases: [], sigmas: simple },
  { name: 'normal', label: 'Normal', aliases: [], sigmas: uniform },
  { name: 'ddim', label: 'DDIM', aliases: ['ddim_uniform'], sigmas: strided },
  { name: 'beta', label: 'Beta', aliases: [], sigmas: beta, comfySigmas: betaOfTimesteps },
  { name: 'trailing', label: 'Trailing', aliases: [], sigmas: trailing },
  { name: 'leading', label: 'Leading', aliases: [], sigmas: leading },
];

/** Falling sigmas of a run, with the one after the last step, mostly 0; float64. */
export function sigmasFor(
  name: SchedulerName,
  schedule: NoiseSchedule,
  { rule = 'a1111', ...options }: SpacingOptions & { readonly rule?: ScheduleRule },
): number[] {
  const { sigmas, comfySigmas } = schedulers.find(row => row.name === name) as SchedulerRow;
  return (rule === 'comfy' && comfySigmas ? comfySigmas : sigmas)(schedule, options);
}
