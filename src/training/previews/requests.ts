/** @file From a prompt as it was written to one that says everything, with sd-scripts' defaults. */
import { resolveSampler, type SamplerChoice } from '../../diffusion/index.ts';
import { usageError } from '../../errors.ts';
import type { PreviewPrompt } from './prompt-line.ts';

export interface PreviewRequest {
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly seed: number | bigint;
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  /** 1 = none. */
  readonly guidance: number;
  readonly sampler: SamplerChoice;
}

/** sd-scripts' names that are not ours as well; undefined for samplers that are not here. */
const samplersOfKohya: Readonly<Record<string, string | undefined>> = {
  'dpmsolver++': 'DPM++ 2M Uniform',
  dpmsolver: undefined,
  dpmsingle: undefined,
  pndm: undefined,
  ddpm: 'DDPM Leading',
  lms: 'LMS Leading',
  k_lms: 'LMS Leading',
  heun: 'Heun Leading',
  dpm_2: 'DPM2 Leading',
  k_dpm_2: 'DPM2 Leading',
  dpm_2_a: 'DPM2 a Leading',
  k_dpm_2_a: 'DPM2 a Leading',
};

/** Throws SAMPLER_UNKNOWN where sd-scripts would take DDIM without a word. */
function samplerOf(name: string): SamplerChoice {
  if (!Object.hasOwn(samplersOfKohya, name)) return resolveSampler(name);
  const own = samplersOfKohya[name];
  if (own !== undefined) return resolveSampler(own);
  const hint = 'Samplers: ddim, ddpm, lms, heun, euler, euler_a, dpm_2, dpm_2_a, dpmsolver++.';
  throw usageError('SAMPLER_UNKNOWN', `preview: sampler ${name} of sd-scripts is not here`, hint);
}

export interface PreviewBase {
  /** What the base was made for. */
  readonly resolution: number;
  readonly latentScale: number;
}

/** As sd-scripts rounds: down to what the model can draw, and at least 64. */
function sideOf(given: number | undefined, { resolution, latentScale }: PreviewBase): number {
  const side = given ?? resolution;
  const least = Math.min(64, resolution);
  return Math.min(16384, Math.max(least, side - (side % latentScale)));
}

/**
 * Completes prompts. What is not written is sd-scripts' default (30 steps, guidance 7.5, DDIM), but for the size, which is
 * the base's own, and the seed, which is that of the run plus the place of the prompt, so that pictures of different
 * steps can be compared.
 */
export function previewRequests(
  prompts: readonly PreviewPrompt[],
  base: PreviewBase,
  seed: number,
): PreviewRequest[] {
  return prompts.map((prompt, i) => {
    const guidance = prompt.guidance ?? 7.5;
    return {
      prompt: prompt.prompt,
      negativePrompt: prompt.negativePrompt ?? '',
      seed: prompt.seed ?? seed + i,
      width: sideOf(prompt.width === undefined ? undefined : Number(prompt.width), base),
      height: sideOf(prompt.height === undefined ? undefined : Number(prompt.height), base),
      steps: prompt.steps ?? 30,
      // At 1 and below sd-scripts leaves the negative prompt out.
      guidance: Math.max(1, guidance),
      sampler: samplerOf(prompt.sampler ?? 'ddim'),
    };
  });
}
