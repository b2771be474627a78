/** @file One batch from noise to latents: sampler, schedule, guidance and start noise put together. */
import {
  type Denoise,
  joinChannels,
  makeDenoiser,
  type NoiseSchedule,
  noiseSchedule,
  type Predict,
  type SamplerChoice,
  type SchedulerName,
  samplerOf,
  sigmasFor,
  type TorchGenerator,
} from '../diffusion/index.ts';
import { isAllFinite, type Tensor } from '../engine/index.ts';
import type { Checkpoint, EncodedText, UnetSession } from '../models/index.ts';
import { notFinite } from './not-finite.ts';

export interface DenoiserRun {
  readonly checkpoint: Pick<Checkpoint, 'scheduler' | 'latentScale' | 'vae'>;
  readonly session: Pick<UnetSession, 'predict'>;
  /** LoRA matrices. */
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** Unconditional states first where guided, then conditional. */
  readonly states: readonly EncodedText[];
  readonly guided: boolean;
  /** What an inpainting UNet reads after the noisy latent, the same at every step: [1 or pictures, c, h, w]. */
  readonly channels?: Tensor | undefined;
  /** One a picture, so that a picture does not depend on its batch. */
  readonly generators: readonly TorchGenerator[];
  readonly choice: SamplerChoice;
  readonly steps: number;
  readonly guidance: number;
  /** Width and height in pixels. */
  readonly size: readonly [number, number];
  readonly onStep?: (step: number, steps: number) => void;
  readonly signal?: AbortSignal;
}

function join(tensors: readonly Tensor[]): Tensor {
  const data = new Float32Array(tensors.reduce((sum, tensor) => sum + tensor.data.length, 0));
  let start = 0;
  for (const tensor of tensors) {
    data.set(tensor.data, start);
    start += tensor.data.length;
  }
  return {
    shape: [tensors.reduce((sum, { shape }) => sum + shape[0], 0), ...tensors[0].shape.slice(1)],
    data,
  };
}

/** Text states, and for SDXL pooled text and size numbers, of the whole batch. */
function conditioningFeeds({ states, size: [width, height] }: DenoiserRun): Record<string, Tensor> {
  const context = join(states.map(state => state.context));
  const pooled = states.flatMap(state => (state.pooled ? [state.pooled] : []));
  if (pooled.length === 0) return { context };
  const sizes = states.map(() => ({
    shape: [1, 6],
    data: Float32Array.of(height, width, 0, 0, height, width),
  }));
  return { context, pooled: join(pooled), sizes: join(sizes) };
}

function makePredict(run: DenoiserRun): Predict {
  const others = { ...run.feeds, ...conditioningFeeds(run) };
  return async (input, timestep) => {
    const whole = run.channels ? joinChannels(input, run.channels) : input;
    const sample = run.guided ? join([whole, whole]) : whole;
    const output = await run.session.predict(sample, timestep, others);
    if (!run.guided) return { conditional: output, unconditional: undefined };
    const half = output.data.length / 2;
    const part = (start: number): Tensor => ({
      shape: input.shape,
      data: output.data.subarray(start, start + half),
    });
    return { unconditional: part(0), conditional: part(half) };
  };
}

/** What "automatic" means: the checkpoint's own timesteps for DDIM, A1111's uniform spacing for the others. */
function spacingOf(run: DenoiserRun): SchedulerName {
  if (run.choice.scheduler) return run.choice.scheduler;
  const { timestepSpacing } = run.checkpoint.scheduler;
  return run.choice.sampler !== 'ddim' || timestepSpacing === 'linspace' ? 'normal' : timestepSpacing;
}

interface Start {
  readonly sigmas: number[];
  /** Noise is multiplied by this. */
  readonly noiseScale: number;
  /** The result is multiplied by this. */
  readonly endScale: number;
}

/**
 * k-diffusion samplers start at σ·noise and end at σ = 0. DDIM, as in its paper and in diffusers, works on
 * √ᾱ·x: it starts at pure noise and, on whole timesteps, ends at the first training step's ᾱ unless the schedule
 * says that ᾱ is 1 there. Other spacings reach the lowest sigma themselves and end at 0.
 */
function startOf(run: DenoiserRun, schedule: NoiseSchedule): Start {
  const { setAlphaToOne, stepsOffset } = run.checkpoint.scheduler;
  const spacing = spacingOf(run);
  const sigmas = sigmasFor(spacing, schedule, { steps: run.steps, stepsOffset });
  if (run.choice.sampler !== 'ddim') return { sigmas, noiseScale: sigmas[0], endScale: 1 };
  const isWhole = spacing === 'trailing' || spacing === 'leading';
  const last = isWhole && !setAlphaToOne ? schedule.sigmas[0] : 0;
  sigmas[sigmas.length - 1] = last;
  return { sigmas, noiseScale: Math.sqrt(1 + sigmas[0] ** 2), endScale: 1 / Math.sqrt(1 + last ** 2) };
}

/** Stops at the first prediction that is not finite: no later step can mend it. */
function checked(denoise: Denoise): Denoise {
  return async (x, sigma) => {
    const denoised = await denoise(x, sigma);
    if (!isAllFinite(denoised.data)) throw notFinite(`the UNet gave NaN at sigma ${sigma.toPrecision(3)}`);
    return denoised;
  };
}

/** Runs the sampler; returns one latent [c, h, w] a picture. */
export async function runDenoiser(run: DenoiserRun): Promise<Tensor[]> {
  const { checkpoint, generators, size } = run;
  const { scheduler, latentScale } = checkpoint;
  const schedule = noiseSchedule({ ...scheduler, kind: scheduler.betaSchedule });
  const shape = [
    generators.length,
    checkpoint.vae.config.latentChannels,
    size[1] / latentScale,
    size[0] / latentScale,
  ];
  const count = shape[1] * shape[2] * shape[3];
  const noise = (): Tensor => ({
    shape,
    data: join(generators.map(generator => ({ shape: [1], data: generator.normals(count) }))).data,
  });
  const { sigmas, noiseScale, endScale } = startOf(run, schedule);
  const start = noise();
  for (let i = 0; i < start.data.length; i++) start.data[i] *= noiseScale;
  const { predictionType } = scheduler;
  const denoise = makeDenoiser(makePredict(run), { schedule, predictionType, guidance: run.guidance });
  const end = await samplerOf[run.choice.sampler](checked(denoise), start, sigmas, {
    noise,
    onStep: ({ step, steps }) => run.onStep?.(step, steps),
    ...(run.signal ? { signal: run.signal } : {}),
  });
  return generators.map((_, i) => ({
    shape: shape.slice(1),
    data: end.data.slice(i * count, (i + 1) * count).map(x => x * endScale),
  }));
}
