/** @file A run before it starts: at which noise levels it takes its steps, and how much noise goes into its first latent. */
import { usageError } from '../errors.ts';
import type { NoiseSchedule } from './noise-schedule.ts';
import type { SamplerChoice } from './sampler-names.ts';
import { type SamplerRow, samplerRow } from './samplers/table.ts';
import { valueAt } from './schedulers/interpolation.ts';
import { type ScheduleRule, type SchedulerName, sigmasFor } from './schedulers/table.ts';
import {
  diffusersTimesteps,
  lcmSigmas,
  lcmTimesteps,
  stridedTimesteps,
  type TimestepSpacing,
  uniformTimeSigmas,
} from './schedulers/timesteps.ts';

/** Noise at the first sigma: ·σ₀ (k-diffusion), or as ComfyUI or the schedulers of diffusers have it. */
export type StartNoiseRule = 'sigma' | 'comfy' | 'diffusers';

/** How strength shortens a run: A1111 starts late, ComfyUI makes a longer schedule, diffusers drops steps. */
export type StrengthRule = 'a1111' | 'comfy' | 'diffusers';

export interface StepRules {
  readonly schedules: ScheduleRule;
  readonly startNoise: StartNoiseRule;
  readonly strength: StrengthRule;
}

/** Of the checkpoint's scheduler_config.json. */
export interface StepConfig {
  readonly timestepSpacing: TimestepSpacing;
  readonly stepsOffset: number;
  readonly setAlphaToOne: boolean;
  /** False where the file says nothing of spacing: most classes of diffusers then take `linspace`. True where absent. */
  readonly saysSpacing?: boolean;
}

export interface StepOptions {
  readonly steps: number;
  /** Of img2img, 0 … 1; absent in txt2img. */
  readonly strength?: number;
  /** Only what is masked is drawn: at strength 1 diffusers then leaves the picture out of the first latent. */
  readonly isInpaint?: boolean;
  readonly isSdxl: boolean;
  readonly rules: StepRules;
}

export interface StepPlan {
  /** Falling, rounded to float32; one more than there are steps. */
  readonly sigmas: number[];
  /** The first latent is picture·initScale + noise·noiseScale; in txt2img there is no picture. */
  readonly initScale: number;
  readonly noiseScale: number;
  /** The last latent is multiplied by this. */
  readonly endScale: number;
  /** Steps of the whole schedule before the first that is taken (img2img). */
  readonly skipped: number;
  /** Steps of the whole schedule: those skipped and those taken. */
  readonly totalSteps: number;
}

interface Whole {
  readonly sigmas: number[];
  /** The run is one of √ᾱ·x: it starts at pure noise and ends where it ends, as DDIM does in its paper. */
  readonly isPreserving: boolean;
  /** A1111's samplers on timesteps: img2img adds the noise of the level before the first step. */
  readonly levels?: readonly number[];
  /** diffusers starts at ·σ₀, not at pure noise. */
  readonly startsAtSigma?: boolean;
}

interface Given {
  readonly row: SamplerRow;
  readonly scheduler: SchedulerName | undefined;
  readonly schedule: NoiseSchedule;
  readonly config: StepConfig;
  readonly steps: number;
  readonly isSdxl: boolean;
  readonly rule: ScheduleRule;
}

/**
 * DDIM on whole timesteps ends at the first training step's ᾱ unless the checkpoint says that ᾱ is 1 there. Other
 * spacings reach the lowest sigma themselves and end at 0.
 */
function ddimRun({ scheduler, schedule, config, steps, isSdxl }: Given): Whole {
  const { timestepSpacing, stepsOffset, setAlphaToOne } = config;
  const name = scheduler ?? (timestepSpacing === 'linspace' ? 'uniform' : timestepSpacing);
  const sigmas = sigmasFor(name, schedule, { steps, stepsOffset, isSdxl });
  const isWhole = name === 'trailing' || name === 'leading';
  if (isWhole && !setAlphaToOne) sigmas[sigmas.length - 1] = schedule.sigmas[0];
  return { sigmas, isPreserving: true };
}

/** A1111's DDIM: the lowest of its timesteps is where it ends. It needs two. */
function a1111Ddim(given: Given): Whole {
  const levels = distinct(stridedTimesteps(given.schedule, given.steps)).map(t => given.schedule.sigmas[t]);
  if (levels.length < 2) return ddimRun(given);
  return { sigmas: levels.toReversed(), levels, isPreserving: true };
}

const distinct = (rising: readonly number[]): number[] =>
  rising.filter((t, i) => i === 0 || t > rising[i - 1]);

/** In float32, as programs hold them. A step between equal sigmas, of more steps than levels, would divide by 0. */
const falling = (sigmas: readonly number[]): number[] =>
  sigmas.map(Math.fround).filter((sigma, i, all) => i === 0 || sigma < all[i - 1]);

function a1111UniPc({ schedule, steps }: Given): Whole {
  const timesteps = stridedTimesteps(schedule, steps);
  const sigmas = uniformTimeSigmas(schedule, timesteps.length);
  return { sigmas, levels: timesteps.map(t => schedule.sigmas[t]), isPreserving: true };
}

/** What diffusers makes of a name that it has no class option for is A1111's. */
function diffusersRun(given: Given): Whole {
  const { row, scheduler, schedule, config, steps, isSdxl } = given;
  if (row.name === 'ddim') return ddimRun(given);
  if (row.name === 'lcm' && !scheduler) {
    const sigmas = [...lcmTimesteps(schedule, steps).map(t => schedule.sigmas[t]), 0];
    return { sigmas, isPreserving: true };
  }
  const isMultistep = row.diffusers === 'multistep';
  const own =
    config.saysSpacing === false && row.diffusers !== 'timesteps' ? 'linspace' : config.timestepSpacing;
  const asked: Partial<Record<SchedulerName, TimestepSpacing>> = {
    ...{ trailing: 'trailing', leading: 'leading', uniform: 'linspace', normal: 'linspace' },
  };
  const spacing = (scheduler && asked[scheduler]) ?? own;
  const timesteps = diffusersTimesteps(schedule, spacing, {
    ...{ steps, stepsOffset: config.stepsOffset, isMultistep },
  });
  const levels = timesteps.map(t => valueAt(schedule.sigmas, t));
  const range = isMultistep ? {} : { range: [levels[levels.length - 1], levels[0]] as const };
  const sigmas =
    !scheduler || asked[scheduler]
      ? [...levels, 0]
      : sigmasFor(scheduler, schedule, { steps, stepsOffset: config.stepsOffset, isSdxl, ...range });
  return {
    sigmas,
    isPreserving: row.diffusers !== 'sigmas',
    startsAtSigma: row.diffusers === 'sigmas' && spacing !== 'leading',
  };
}

function sigmaRun({ row, scheduler, schedule, config, steps, isSdxl, rule }: Given): Whole {
  const program = rule === 'comfy' ? 'comfy' : 'a1111';
  const discards = row.discardsPenultimate.includes(program);
  const usual = program === 'comfy' ? 'normal' : (row.automatic ?? 'uniform');
  const sigmas = sigmasFor(scheduler ?? usual, schedule, {
    ...{ steps: discards ? steps + 1 : steps, stepsOffset: config.stepsOffset, isSdxl, rule },
  });
  if (discards) sigmas.splice(-2, 1);
  return { sigmas, isPreserving: false };
}

function wholeRun(given: Given): Whole {
  const { row, rule, scheduler } = given;
  if (rule === 'diffusers') return diffusersRun(given);
  if (rule === 'comfy') return sigmaRun(given);
  if (row.name === 'ddim') return scheduler || rule === 'lora' ? ddimRun(given) : a1111Ddim(given);
  if (row.name === 'uni_pc' && !scheduler) return a1111UniPc(given);
  if (row.name === 'lcm' && !scheduler)
    return { sigmas: lcmSigmas(given.schedule, given.steps), isPreserving: false };
  return sigmaRun(given);
}

const pureNoise = (sigma: number): number => Math.sqrt(1 + sigma * sigma);

/** ComfyUI's `max_denoise`: as far up as the checkpoint's own noise goes. */
const isHighest = (sigma: number, { sigmas }: NoiseSchedule): boolean =>
  sigma >= sigmas[sigmas.length - 1] * (1 - 1e-5);

function startNoise(sigma: number, whole: Whole, rule: StartNoiseRule, schedule: NoiseSchedule): number {
  if (whole.isPreserving) return pureNoise(sigma);
  if (rule === 'comfy') return isHighest(sigma, schedule) ? pureNoise(sigma) : sigma;
  return rule === 'sigma' || whole.startsAtSigma ? sigma : pureNoise(sigma);
}

const maxWholeSteps = 1_000_000;

/** How many steps the whole schedule has, and how many of them, at its start, are not taken. */
function stepsOf({ steps, strength, rules }: StepOptions): { whole: number; skipped: number } {
  if (strength === undefined) return { whole: steps, skipped: 0 };
  if (strength === 0) return { whole: steps, skipped: steps };
  if (rules.strength === 'a1111') {
    const taken = Math.trunc(Math.min(strength, 0.999) * steps);
    return { whole: steps, skipped: steps - taken - 1 };
  }
  if (rules.strength === 'diffusers') return { whole: steps, skipped: steps - Math.trunc(steps * strength) };
  if (strength > 0.9999) return { whole: steps, skipped: 0 };
  const whole = Math.trunc(steps / strength);
  if (whole <= maxWholeSteps) return { whole, skipped: whole - steps };
  const message = `strength ${strength} of ${steps} steps asks for a schedule of ${whole} steps`;
  throw usageError('STRENGTH_TOO_LOW', message, `Take at least ${steps / maxWholeSteps}, or 0 for none.`);
}

/** A1111's img2img on timesteps: x gets the noise of one level and is then taken for one of the level below. */
function a1111Img2img(given: Given, whole: Whole, levels: readonly number[], taken: number): StepPlan {
  const noiseLevel = levels[Math.min(taken, levels.length - 1)];
  const sigmas =
    given.row.name === 'ddim'
      ? levels.slice(0, taken).toReversed()
      : uniformTimeSigmas(given.schedule, taken, timeOf(given, taken));
  const [first, last] = [sigmas[0], sigmas[sigmas.length - 1]];
  const scale = pureNoise(first) / pureNoise(noiseLevel);
  const totalSteps = whole.sigmas.length - 1;
  return {
    sigmas: falling(sigmas),
    ...{ initScale: scale, noiseScale: noiseLevel * scale, endScale: 1 / pureNoise(last) },
    ...{ skipped: totalSteps - (sigmas.length - 1), totalSteps },
  };
}

/** Time of the last timestep that is taken, 1 being the end of the schedule. */
const timeOf = ({ schedule, steps }: Given, taken: number): number =>
  (stridedTimesteps(schedule, steps)[taken - 1] + 1) / schedule.sigmas.length;

/**
 * The steps of a run of `options.steps`. A strength that leaves no step gives one sigma, no noise, and the picture as it
 * is. Throws STRENGTH_TOO_LOW where ComfyUI's rule would make a schedule of more than a million steps.
 */
export function planSteps(
  choice: SamplerChoice,
  schedule: NoiseSchedule,
  config: StepConfig,
  options: StepOptions,
): StepPlan {
  const { strength, rules, isSdxl } = options;
  const { whole: steps, skipped: wanted } = stepsOf(options);
  const row = samplerRow(choice.sampler);
  const given: Given = {
    ...{ row, scheduler: choice.scheduler, schedule, config, steps, isSdxl, rule: rules.schedules },
  };
  const run = wholeRun(given);
  const whole = { ...run, sigmas: falling(run.sigmas) };
  const totalSteps = whole.sigmas.length - 1;
  if (wanted >= steps)
    return {
      sigmas: whole.sigmas.slice(-1),
      ...{ initScale: 1, noiseScale: 0, endScale: 1, skipped: totalSteps, totalSteps },
    };
  if (strength !== undefined && whole.levels && rules.strength === 'a1111') {
    const taken = steps - wanted - 1;
    if (taken > 0) return a1111Img2img(given, whole, whole.levels, taken);
  }
  // ComfyUI counts from the end, for schedules that do not have as many steps as they were asked for.
  const from = rules.strength === 'comfy' ? Math.max(0, totalSteps - options.steps) : wanted;
  const skipped = strength === undefined ? 0 : Math.min(from, totalSteps - 1);
  const sigmas = whole.sigmas.slice(skipped);
  const [first, last] = [sigmas[0], sigmas[sigmas.length - 1]];
  const isFresh =
    strength === undefined || (strength === 1 && rules.strength === 'diffusers' && options.isInpaint);
  const highest = rules.startNoise === 'comfy' && !whole.isPreserving && isHighest(first, schedule);
  return {
    sigmas,
    initScale: isFresh && strength !== undefined ? 0 : 1,
    noiseScale: isFresh || highest ? startNoise(first, whole, rules.startNoise, schedule) : first,
    endScale: whole.isPreserving ? 1 / pureNoise(last) : 1,
    ...{ skipped, totalSteps },
  };
}
