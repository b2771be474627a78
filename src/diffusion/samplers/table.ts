/** @file Samplers as data: what each is called in which program, and what a run must know of it. */
import type { SchedulerName } from '../schedulers/table.ts';
import { dpmpp2m } from './dpmpp-2m.ts';
import { dpmpp2mSde, dpmpp2mSdeHeun, dpmpp3mSde, dpmppSde } from './dpmpp-sde.ts';
import { ddim, ddpm, euler, eulerAncestral } from './euler.ts';
import { dpm2, dpm2Ancestral, dpmpp2sAncestral, heun } from './heun.ts';
import { lcm } from './lcm.ts';
import { lms } from './lms.ts';
import type { Sampler } from './loop.ts';
import { uniPc, uniPcBh2 } from './uni-pc.ts';

export type SamplerName =
  | 'dpmpp_2m'
  | 'dpmpp_sde'
  | 'dpmpp_2m_sde'
  | 'dpmpp_2m_sde_heun'
  | 'dpmpp_2s_ancestral'
  | 'dpmpp_3m_sde'
  | 'euler_ancestral'
  | 'euler'
  | 'lms'
  | 'heun'
  | 'dpm_2'
  | 'dpm_2_ancestral'
  | 'ddim'
  | 'uni_pc'
  | 'uni_pc_bh2'
  | 'lcm'
  | 'ddpm';

export interface SamplerRow {
  readonly name: SamplerName;
  /** As A1111 and Forge show it. */
  readonly label: string;
  /**
   * Other names: of A1111's API without `k_`, ComfyUI, SwarmUI, InvokeAI, sd.cpp, and the class of diffusers without
   * `Scheduler`. Case, spaces, `-` and `_` do not count, and `++` is `pp`.
   */
  readonly aliases: readonly string[];
  /** What "automatic" means for it in A1111, where that is more than the even spacing. */
  readonly automatic?: SchedulerName;
  /** Where its noise comes from: none, fresh at every call, or one Brownian path for the whole run. */
  readonly noise: 'none' | 'fresh' | 'brownian';
  /** Calls of the denoiser in a step, but for a last step to 0, which has one. */
  readonly callsPerStep: 1 | 2;
  /** Programs that ask for one sigma more and leave out the last but one. */
  readonly discardsPenultimate: readonly ('a1111' | 'comfy')[];
  /** What of `SampleOptions` it knows. */
  readonly options: readonly ('eta' | 'noise' | 'churn')[];
  /**
   * How its class in diffusers is built: on σ as k-diffusion, with timesteps that may lie between training steps; as a
   * multistep solver or as DDIM, on whole ones and from pure noise.
   */
  readonly diffusers: 'sigmas' | 'multistep' | 'timesteps';
  readonly sampler: Sampler;
}

const noChoice = { callsPerStep: 1, discardsPenultimate: [], options: [] } as const;
const ancestral = { noise: 'fresh', options: ['eta', 'noise'] } as const;
const brownian = { noise: 'brownian', options: ['eta', 'noise'] } as const;
const churning = { noise: 'fresh', options: ['noise', 'churn'] } as const;

/** In A1111's order. */
export const samplers: readonly SamplerRow[] = [
  {
    ...{ name: 'dpmpp_2m', label: 'DPM++ 2M', aliases: ['DPMSolverMultistep'], automatic: 'karras' },
    ...{ ...noChoice, noise: 'none', diffusers: 'multistep', sampler: dpmpp2m },
  },
  {
    ...{ name: 'dpmpp_sde', label: 'DPM++ SDE', aliases: ['DPMSolverSDE'], automatic: 'karras' },
    ...{ ...noChoice, ...brownian, callsPerStep: 2, diffusers: 'sigmas', sampler: dpmppSde },
  },
  {
    ...{ name: 'dpmpp_2m_sde', label: 'DPM++ 2M SDE', aliases: [], automatic: 'exponential' },
    ...{ ...noChoice, ...brownian, diffusers: 'multistep', sampler: dpmpp2mSde },
  },
  {
    ...{ name: 'dpmpp_2m_sde_heun', label: 'DPM++ 2M SDE Heun', aliases: [], automatic: 'exponential' },
    ...{ ...noChoice, ...brownian, diffusers: 'multistep', sampler: dpmpp2mSdeHeun },
  },
  {
    ...{ name: 'dpmpp_2s_ancestral', label: 'DPM++ 2S a', aliases: [], automatic: 'karras' },
    ...{ ...noChoice, ...ancestral, callsPerStep: 2, diffusers: 'multistep', sampler: dpmpp2sAncestral },
  },
  {
    ...{ name: 'dpmpp_3m_sde', label: 'DPM++ 3M SDE', aliases: [], automatic: 'exponential' },
    ...{ ...noChoice, ...brownian, discardsPenultimate: ['a1111'], diffusers: 'multistep' },
    sampler: dpmpp3mSde,
  },
  {
    ...{ name: 'euler_ancestral', label: 'Euler a', aliases: ['EulerAncestralDiscrete'] },
    ...{ ...noChoice, ...ancestral, diffusers: 'sigmas', sampler: eulerAncestral },
  },
  {
    ...{ name: 'euler', label: 'Euler', aliases: ['EulerDiscrete'] },
    ...{ ...noChoice, ...churning, diffusers: 'sigmas', sampler: euler },
  },
  {
    ...{ name: 'lms', label: 'LMS', aliases: ['LMSDiscrete'] },
    ...{ ...noChoice, noise: 'none', diffusers: 'sigmas', sampler: lms },
  },
  {
    ...{ name: 'heun', label: 'Heun', aliases: ['HeunDiscrete'] },
    ...{ ...noChoice, ...churning, callsPerStep: 2, diffusers: 'sigmas', sampler: heun },
  },
  {
    ...{ name: 'dpm_2', label: 'DPM2', aliases: ['kdpm_2', 'KDPM2Discrete'], automatic: 'karras' },
    ...{ ...churning, callsPerStep: 2, discardsPenultimate: ['a1111', 'comfy'], diffusers: 'sigmas' },
    sampler: dpm2,
  },
  {
    ...{ name: 'dpm_2_ancestral', label: 'DPM2 a', aliases: ['kdpm_2_a', 'KDPM2AncestralDiscrete'] },
    ...{ ...ancestral, callsPerStep: 2, discardsPenultimate: ['a1111', 'comfy'], diffusers: 'sigmas' },
    ...{ automatic: 'karras', sampler: dpm2Ancestral },
  },
  {
    ...{ name: 'ddim', label: 'DDIM', aliases: [] },
    ...{ ...noChoice, noise: 'fresh', options: ['eta', 'noise'], diffusers: 'timesteps', sampler: ddim },
  },
  {
    ...{ name: 'uni_pc', label: 'UniPC', aliases: ['uni_pc_bh1'] },
    ...{ ...noChoice, noise: 'none', discardsPenultimate: ['comfy'], diffusers: 'multistep', sampler: uniPc },
  },
  {
    ...{ name: 'uni_pc_bh2', label: 'UniPC BH2', aliases: ['UniPCMultistep'] },
    ...{ ...noChoice, noise: 'none', discardsPenultimate: ['comfy'], diffusers: 'multistep' },
    sampler: uniPcBh2,
  },
  {
    ...{ name: 'lcm', label: 'LCM', aliases: [] },
    ...{ ...noChoice, noise: 'fresh', options: ['noise'], diffusers: 'timesteps', sampler: lcm },
  },
  {
    ...{ name: 'ddpm', label: 'DDPM', aliases: [] },
    ...{ ...noChoice, noise: 'fresh', options: ['noise'], diffusers: 'timesteps', sampler: ddpm },
  },
];

export function samplerRow(name: SamplerName): SamplerRow {
  return samplers.find(row => row.name === name) as SamplerRow;
}
