/** @file One batch from noise to latents: sampler, schedule, guidance and start noise put together. */
import {
  type Denoise,
  epsilonOf,
  type GuidanceOptions,
  guide,
  joinChannels,
  makeDenoiser,
  type NoiseSchedule,
  type PictureNoise,
  type Predict,
  rescaleGuided,
  type SampleOptions,
  type SamplerChoice,
  type StepPlan,
  sampleOf,
  samplerRow,
  type TimestepRule,
  velocityOf,
} from '../diffusion/index.ts';
import { isAllFinite, type Tensor } from '../engine/index.ts';
import type { Checkpoint, UnetSession } from '../models/index.ts';
import { joinBatch, joinNumbers, splitBatch } from './batch.ts';
import { type PictureTexts, stateAt, type TextRows, textRows } from './conditioning/phases.ts';
import { notFinite } from './not-finite.ts';

/** A picture of which only a part is drawn. */
export interface KeptLatents {
  /** What is kept. [1 or n, c, h, w] */
  readonly latents: Tensor;
  /** 1 where it is drawn anew, 0 where it is kept. [h·w] */
  readonly change: Float32Array;
  /** Also in what the UNet reads, with the noise of the step (ComfyUI); else in what it says only (A1111). */
  readonly beforeToo: boolean;
}

export interface StepEvent {
  /** Counted from 1. */
  readonly step: number;
  readonly steps: number;
  /** What the picture would be if the run ended here. [n, c, h, w] */
  readonly denoised: Tensor;
}

export interface DenoiserRun {
  readonly checkpoint: Pick<Checkpoint, 'scheduler'>;
  readonly schedule: NoiseSchedule;
  readonly session: Pick<UnetSession, 'predict'>;
  /** LoRA matrices of a step, counted from 0. */
  readonly feedsAt: (step: number) => Promise<Readonly<Record<string, Tensor>>>;
  /** One a picture. */
  readonly texts: readonly PictureTexts[];
  /** What an inpainting UNet reads after the noisy latent, the same at every step: [1 or pictures, c, h, w]. */
  readonly channels?: Tensor | undefined;
  /** [n, c, h, w] */
  readonly startNoise: Tensor;
  /** One a picture, so that a picture does not depend on its batch. */
  readonly noises: readonly PictureNoise[];
  readonly sampler: SamplerChoice;
  /** Which timesteps the UNet is asked at. */
  readonly timesteps: TimestepRule;
  /** What the schedules of texts count. */
  readonly promptSteps: 'steps' | 'calls';
  readonly options: Pick<SampleOptions, 'eta' | 'sNoise' | 'churn' | 'highestOrder'>;
  readonly plan: StepPlan;
  /** The least sigma above 0 and the largest, between which Brownian noise is drawn. */
  readonly brownian: readonly [least: number, largest: number];
  readonly guidance: GuidanceOptions & { readonly space: 'prediction' | 'velocity' };
  /** Width and height in pixels, as SDXL reads them. */
  readonly size: readonly [number, number];
  /** What the pictures start from beside noise. [1 or n, c, h, w] */
  readonly init?: Tensor | undefined;
  readonly kept?: KeptLatents | undefined;
  readonly onStep?: ((event: StepEvent) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Text states of a step, and for SDXL pooled text and size numbers, of the whole batch; kept while they stay the same. */
function openConditioning(run: DenoiserRun, rows: TextRows): (step: number) => Record<string, Tensor> {
  const all = [...rows.negative, ...rows.positive];
  const [width, height] = run.size;
  let last: { readonly key: readonly unknown[]; readonly feeds: Record<string, Tensor> } | undefined;
  return step => {
    const states = all.map(row => stateAt(row, step));
    if (last?.key.every((state, i) => state === states[i])) return last.feeds;
    const feeds: Record<string, Tensor> = { context: joinBatch(states.map(({ context }) => context)) };
    const pooled = states.flatMap(state => (state.pooled ? [state.pooled] : []));
    if (pooled.length > 0) {
      feeds.pooled = joinBatch(pooled);
      const sizes = Float32Array.of(height, width, 0, 0, height, width);
      feeds.sizes = joinBatch(states.map(() => ({ shape: [1, 6], data: sizes })));
    }
    last = { key: states, feeds };
    return feeds;
  };
}

/** Guidance of every picture by itself, from the rows of the batch. */
function guideAll(run: DenoiserRun, rows: TextRows, output: Tensor, x: Tensor, sigma: number): Float32Array {
  const { scale, rescale, space } = run.guidance;
  const isConverted = space === 'velocity' && run.checkpoint.scheduler.predictionType === 'epsilon';
  const size = x.data.length / x.shape[0];
  const guided = new Float32Array(x.data.length);
  for (let picture = 0; picture < x.shape[0]; picture++) {
    const prompted = rows.positive.flatMap((row, i) =>
      row.picture === picture
        ? [{ data: sampleOf(output, rows.negative.length + i), weight: row.part.weight }]
        : [],
    );
    const place = rows.negative.findIndex(row => row.picture === picture);
    const unprompted = place >= 0 ? sampleOf(output, place) : undefined;
    let one = guide(unprompted, prompted, scale);
    if (unprompted && rescale > 0) {
      const own = sampleOf(x, picture);
      const into = (values: Float32Array) => (isConverted ? velocityOf(values, own, sigma) : values);
      const changed = into(one);
      rescaleGuided(changed, into(guide(unprompted, prompted, 1)), rescale);
      one = isConverted ? epsilonOf(changed, own, sigma) : changed;
    }
    guided.set(one, picture * size);
  }
  return guided;
}

function makePredict(run: DenoiserRun, step: () => number): Predict {
  let calls = 0;
  const rows = textRows(run.texts);
  const conditioningAt = openConditioning(run, rows);
  const order = [...rows.negative, ...rows.positive].map(({ picture }) => picture);
  return async (input, timestep, { x, sigma }) => {
    const whole = run.channels ? joinChannels(input, run.channels) : input;
    const size = whole.data.length / whole.shape[0];
    const sample = new Float32Array(order.length * size);
    for (const [row, picture] of order.entries()) sample.set(sampleOf(whole, picture), row * size);
    const phase = run.promptSteps === 'calls' ? calls++ : step();
    const others = { ...(await run.feedsAt(step())), ...conditioningAt(phase) };
    const shape = [order.length, ...whole.shape.slice(1)];
    const output = await run.session.predict({ shape, data: sample }, timestep, others);
    return guideAll(run, rows, output, x, sigma);
  };
}

/** Stops at the first prediction that is not finite: no later step can mend it. */
function checked(denoise: Denoise): Denoise {
  return async (x, sigma) => {
    const denoised = await denoise(x, sigma);
    if (!isAllFinite(denoised.data)) throw notFinite(`the UNet gave NaN at sigma ${sigma.toPrecision(3)}`);
    return denoised;
  };
}

/** kept + noise·scale where `change` is 0, x where it is 1. */
function keep(x: Tensor, { latents, change }: KeptLatents, noise?: Tensor, scale = 0): Tensor {
  const data = new Float32Array(x.data.length);
  for (let i = 0; i < data.length; i++) {
    const share = change[i % change.length];
    const old = latents.data[i % latents.data.length] + (noise ? noise.data[i] * scale : 0);
    data[i] = x.data[i] * share + old * (1 - share);
  }
  return { shape: x.shape, data };
}

/**
 * What is kept is put back into every prediction. diffusers puts it into what the UNet reads after each step: at strength
 * 1 the first step is made from noise alone.
 */
function keeping(denoise: Denoise, { kept, startNoise, plan }: DenoiserRun): Denoise {
  if (!kept) return denoise;
  const isNoiseAlone = (sigma: number): boolean => plan.initScale === 0 && sigma === plan.sigmas[0];
  return async (x, sigma) => {
    const read = kept.beforeToo && !isNoiseAlone(sigma) ? keep(x, kept, startNoise, sigma) : x;
    return keep(await denoise(read, sigma), kept);
  };
}

/** init·initScale + noise·noiseScale */
function startOf({ plan, init, startNoise: noise }: DenoiserRun): Tensor {
  const { noiseScale, initScale } = plan;
  const data = noise.data.map(
    (value, i) => value * noiseScale + (init ? init.data[i % init.data.length] * initScale : 0),
  );
  return { shape: noise.shape, data };
}

/** Where the noise of a step comes from: each picture's own stream, or its own Brownian path. */
function stepNoise({ noises, startNoise, sampler, brownian }: DenoiserRun): SampleOptions['noise'] {
  const joined = (parts: readonly Float32Array[]): Tensor => joinNumbers(parts, startNoise.shape.slice(1));
  if (samplerRow(sampler.sampler).noise !== 'brownian')
    return () => joined(noises.map(noise => noise.next()));
  const [lowest, highest] = brownian;
  const paths = noises.map(noise => noise.brownian(lowest, highest));
  return (sigma, sigmaNext) => joined(paths.map(path => path(sigma, sigmaNext)));
}

/** Runs the sampler; returns one latent [c, h, w] a picture. */
export async function runDenoiser(run: DenoiserRun): Promise<Tensor[]> {
  const { schedule, plan, sampler, onStep, signal } = run;
  let step = 0;
  const { predictionType } = run.checkpoint.scheduler;
  const plain = makeDenoiser(
    makePredict(run, () => step),
    { schedule, predictionType, timesteps: run.timesteps },
  );
  const end = await samplerRow(sampler.sampler).sampler(
    keeping(checked(plain), run),
    startOf(run),
    plan.sigmas,
    {
      ...run.options,
      noise: stepNoise(run),
      onStep: event => {
        step = event.step;
        onStep?.({ step, steps: event.steps, denoised: event.denoised });
      },
      ...(signal ? { signal } : {}),
    },
  );
  const scaled = { shape: end.shape, data: end.data.map(x => x * plan.endScale) };
  return splitBatch(run.kept ? keep(scaled, run.kept) : scaled);
}
