/** Diffusion: noise schedules, denoisers with guidance, samplers, and the noise that pictures start from. */
import type { SamplerName } from './sampler-names.ts';
import { dpmpp2m } from './samplers/dpmpp-2m.ts';
import { ddim, euler, eulerAncestral } from './samplers/euler.ts';
import type { Sampler } from './samplers/loop.ts';

export { type Denoise, makeDenoiser, type Predict } from './denoiser.ts';
export { everythingMasked, inpaintChannels, joinChannels, type MaskedPicture } from './inpaint.ts';
export { type NoiseSchedule, noiseSchedule, sigmaToTimestep, timestepToSigma } from './noise-schedule.ts';
export { resolveSampler, type SamplerChoice, type SamplerName } from './sampler-names.ts';
export type { SampleOptions, Sampler } from './samplers/loop.ts';
export { type SchedulerName, type SpacingOptions, sigmasFor } from './spacings.ts';
export { type TorchGenerator, torchGenerator } from './torch-noise.ts';

export const samplerOf: Readonly<Record<SamplerName, Sampler>> = {
  ddim,
  euler,
  euler_ancestral: eulerAncestral,
  dpmpp_2m: dpmpp2m,
};
