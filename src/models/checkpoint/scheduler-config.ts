/** @file scheduler_config.json: the noise schedule of the base's own training. */
import { join } from 'node:path';
import { z } from 'zod';
import { badConfig, readConfig, type Supported, size } from './read-config.ts';

/** Schedulers of the discrete noise schedule that Stable Diffusion is trained with; which one it is does not matter. */
const schedulers = [
  ...['DDIM', 'DDIMParallel', 'DDIMInverse', 'DDPM', 'DDPMParallel', 'PNDM', 'LMSDiscrete', 'UniPCMultistep'],
  ...['EulerDiscrete', 'EulerAncestralDiscrete', 'HeunDiscrete', 'KDPM2Discrete', 'KDPM2AncestralDiscrete'],
  ...['DPMSolverMultistep', 'DPMSolverMultistepInverse', 'DPMSolverSinglestep', 'DPMSolverSDE'],
  ...['DEISMultistep', 'SASolver', 'LCM', 'TCD'],
];

/**
 * `clip_sample` is not among them: diffusers' Stable Diffusion pipelines turn it off whatever the file says, since
 * latents are not in −1 … 1. What only chooses a sampler (`use_karras_sigmas`, `solver_order` …) is the user's.
 */
const supported: Supported = {
  _class_name: schedulers.map(name => `${name}Scheduler`),
  trained_betas: [null],
  thresholding: [false],
  timestep_type: ['discrete'],
  sigma_min: [null],
  sigma_max: [null],
  use_flow_sigmas: [null, false],
  use_dynamic_shifting: [null, false],
};

const beta = z.number().positive().lt(1);

/** Defaults of DDPMScheduler and DDIMScheduler, but for the offset, which diffusers' pipelines correct to 1. */
const schema = z.object({
  num_train_timesteps: size.min(2).max(100_000).default(1000),
  beta_start: beta.default(0.0001),
  beta_end: beta.default(0.02),
  beta_schedule: z.enum(['linear', 'scaled_linear', 'squaredcos_cap_v2']).default('linear'),
  prediction_type: z.enum(['epsilon', 'v_prediction']).default('epsilon'),
  timestep_spacing: z.enum(['leading', 'trailing', 'linspace']).optional(),
  steps_offset: z.number().int().nonnegative().default(1),
  set_alpha_to_one: z.boolean().default(true),
  rescale_betas_zero_snr: z.boolean().default(false),
});

export interface SchedulerConfig {
  readonly trainSteps: number;
  readonly betaStart: number;
  readonly betaEnd: number;
  readonly betaSchedule: 'linear' | 'scaled_linear' | 'squaredcos_cap_v2';
  readonly predictionType: 'epsilon' | 'v_prediction';
  readonly timestepSpacing: 'leading' | 'trailing' | 'linspace';
  /** Whether the file says so; classes of diffusers differ in what they take where it does not. */
  readonly saysSpacing: boolean;
  readonly stepsOffset: number;
  readonly setAlphaToOne: boolean;
  readonly rescaleZeroTerminalSnr: boolean;
}

export function readSchedulerConfig(folder: string): SchedulerConfig {
  const path = join(folder, 'scheduler_config.json');
  const raw = readConfig(path, schema, supported);
  if (raw.beta_start > raw.beta_end)
    throw badConfig(path, `beta_start ${raw.beta_start} is above beta_end ${raw.beta_end}`);
  return {
    trainSteps: raw.num_train_timesteps,
    betaStart: raw.beta_start,
    betaEnd: raw.beta_end,
    betaSchedule: raw.beta_schedule,
    predictionType: raw.prediction_type,
    timestepSpacing: raw.timestep_spacing ?? 'leading',
    saysSpacing: raw.timestep_spacing !== undefined,
    stepsOffset: raw.steps_offset,
    setAlphaToOne: raw.set_alpha_to_one,
    rescaleZeroTerminalSnr: raw.rescale_betas_zero_snr,
  };
}
