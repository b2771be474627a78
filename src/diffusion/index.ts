/** Diffusion: noise schedules, denoisers with guidance, samplers, and the noise that pictures start from. */
export { type Denoise, makeDenoiser, type Predict, type TimestepRule } from './denoiser.ts';
export {
  epsilonOf,
  type GuidanceOptions,
  guide,
  rescaleGuided,
  sampleOf,
  velocityOf,
} from './guidance.ts';
export { everythingMasked, inpaintChannels, joinChannels, type MaskedPicture } from './inpaint.ts';
export { openPictureNoise, type PictureNoise, type PictureNoiseOptions } from './noise/picture-noise.ts';
export { type TorchGenerator, torchGenerator } from './noise/torch-normals.ts';
export { type NoiseSchedule, noiseSchedule, sigmaToTimestep, timestepToSigma } from './noise-schedule.ts';
export { resolveSampler, type SamplerChoice } from './sampler-names.ts';
export type { Churn, SampleOptions, Sampler } from './samplers/loop.ts';
export { type SamplerName, type SamplerRow, samplerRow, samplers } from './samplers/table.ts';
export { type ScheduleRule, type SchedulerName, schedulers } from './schedulers/table.ts';
export {
  planSteps,
  type StartNoiseRule,
  type StepConfig,
  type StepOptions,
  type StepPlan,
  type StepRules,
  type StrengthRule,
} from './steps.ts';
