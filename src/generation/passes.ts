/** @file The passes of a drawing: from noise or a picture to latents, and once more larger. */
import {
  type NoiseSchedule,
  noiseSchedule,
  openPictureNoise,
  planSteps,
  type SamplerChoice,
  type StepOptions,
  type StepPlan,
  samplerRow,
  type TimestepRule,
} from '../diffusion/index.ts';
import type { Tensor } from '../engine/index.ts';
import type { Checkpoint, LatentSize, UnetSession } from '../models/index.ts';
import { joinNumbers, repeatBatch } from './batch.ts';
import type { PictureTexts } from './conditioning/phases.ts';
import { type KeptLatents, runDenoiser, type StepEvent } from './denoise-run.ts';
import type { UnetLoras } from './lora-sets.ts';
import { maskedContentOf } from './pictures/latent-mask.ts';
import type { GenerateRequest, PictureRequest } from './request.ts';
import { type DrawingRules, usualRules } from './settings/presets.ts';
import type { Upscaler } from './settings/schema.ts';

export interface Pass {
  readonly isSecond: boolean;
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  readonly guidance: number;
  readonly sampler: SamplerChoice;
  readonly schedule: NoiseSchedule;
  readonly plan: StepPlan;
  /** The least sigma above 0 and the largest of its Brownian noise. */
  readonly brownian: readonly [least: number, largest: number];
  /** How what it starts from is made larger. */
  readonly upscaler?: Upscaler;
}

export function passesOf(request: GenerateRequest, { scheduler, family }: Checkpoint): Pass[] {
  const { sampler, steps, guidance, width, height, second, init, inpaint, rules = usualRules } = request;
  const schedule = noiseSchedule({ ...scheduler, kind: scheduler.betaSchedule });
  const planned = (choice: SamplerChoice, count: number, strength?: number) => {
    const whole = { steps: count, isSdxl: family === 'sdxl', isInpaint: inpaint !== undefined, rules };
    const planOf = (options: StepOptions): StepPlan => planSteps(choice, schedule, scheduler, options);
    const plan = planOf(strength === undefined ? whole : { ...whole, strength });
    // A1111 spans it over the whole schedule, where a run starts late too.
    const span = rules.strength === 'a1111' ? planOf(whole).sigmas : plan.sigmas;
    const brownian = [Math.min(...span.filter(sigma => sigma > 0)), span[0]] as const;
    return { sampler: choice, steps: count, schedule, plan, brownian };
  };
  const first = {
    ...{ isSecond: false, width, height, guidance },
    ...planned(sampler, steps, init?.strength),
  };
  if (!second) return [first];
  return [first, { ...second, isSecond: true, ...planned(second.sampler, second.steps, second.strength) }];
}

/** Steps that are really taken. */
export const stepsIn = ({ plan }: Pass): number => plan.sigmas.length - 1;

export interface PassOptions {
  readonly checkpoint: Checkpoint;
  readonly request: GenerateRequest;
  readonly pass: Pass;
  /** Those of the request that are drawn in this batch. */
  readonly pictures: readonly PictureRequest[];
  readonly texts: readonly PictureTexts[];
  /** [1 or n, c, h, w] */
  readonly init: Tensor | undefined;
  readonly channels: Tensor | undefined;
  /** One list of LoRAs a row of the batch. */
  readonly loras: UnetLoras;
  readonly unetFor: (size: LatentSize, loras: UnetLoras) => Promise<UnetSession>;
  readonly onBegin: () => void;
  readonly onStep: (event: StepEvent) => void;
}

/** What a pass starts from beside noise: the picture, with what stands where it is drawn anew. [1 or n, c, h, w] */
function contentOf({ request, init, pass }: PassOptions, noise: Tensor): Tensor | undefined {
  const { inpaint } = request;
  if (!inpaint || !init || pass.isSecond) return init;
  return maskedContentOf(inpaint.content, repeatBatch(init, noise.shape[0]), noise, inpaint.latentMask);
}

/** What is kept of it in every step; diffusers leaves that to a UNet that reads what is kept. */
function keptOf(
  { checkpoint, request, pass }: PassOptions,
  latents: Tensor | undefined,
): KeptLatents | undefined {
  const { inpaint, rules = usualRules } = request;
  if (!inpaint || !latents || pass.isSecond) return undefined;
  if (rules.schedules === 'diffusers' && checkpoint.variant === 'inpaint') return undefined;
  return { latents, change: inpaint.latentMask, beforeToo: rules.inpaint === 'both' };
}

/** diffusers' multistep solvers stand on whole timesteps: on the nearest for Karras' sigmas, else on the one below. */
function timestepRule({ schedules }: DrawingRules, { sampler, scheduler }: SamplerChoice): TimestepRule {
  if (schedules === 'comfy') return 'nearest';
  if (schedules !== 'diffusers' || samplerRow(sampler).diffusers !== 'multistep') return 'between';
  return scheduler === 'karras' ? 'nearest' : 'below';
}

/** Draws one pass; returns one latent [c, h, w] a picture. */
export async function drawPass(options: PassOptions): Promise<Tensor[]> {
  const { checkpoint, request, pass, pictures, texts, loras, channels } = options;
  const { rules = usualRules, noiseSize, samplerOptions = {}, signal } = request;
  const { latentScale } = checkpoint;
  const shape: [number, number, number] = [
    checkpoint.vae.config.latentChannels,
    pass.height / latentScale,
    pass.width / latentScale,
  ];
  const noises = pictures.map(({ seed, variation }) =>
    openPictureNoise({
      ...{ seed: BigInt(seed), source: rules.noise, stepNoise: rules.stepNoise, variation, shape },
      noiseSize: noiseSize && {
        width: Math.max(1, Math.floor(noiseSize.width / latentScale)), // as A1111
        height: Math.max(1, Math.floor(noiseSize.height / latentScale)),
      },
    }),
  );
  const startNoise = joinNumbers(
    noises.map(noise => noise.start()),
    shape,
  );
  const content = contentOf(options, startNoise);
  const kept = keptOf(options, content);
  const [{ context }] = texts.flatMap(({ positive }) => positive.parts[0].schedule.map(({ state }) => state));
  const rows = texts.reduce(
    (sum, { positive, negative }) => sum + positive.parts.length + (negative ? 1 : 0),
    0,
  );
  const size = { batch: rows, height: shape[1], width: shape[2], tokens: context.shape[1] };
  const session = await options.unetFor(size, loras);
  options.onBegin();
  return runDenoiser({
    checkpoint,
    schedule: pass.schedule,
    session,
    feedsAt: loras.feedsAt,
    ...{ texts, channels, noises, startNoise, signal, kept },
    ...{
      sampler: pass.sampler,
      plan: pass.plan,
      brownian: pass.brownian,
      promptSteps: rules.promptSteps,
      timesteps: timestepRule(rules, pass.sampler),
      size: [pass.width, pass.height],
    },
    options: { ...kDiffusionOptions(samplerOptions), highestOrder: rules.highestOrder },
    guidance: { scale: pass.guidance, rescale: request.guidanceRescale ?? 0, space: rules.rescale },
    init: content,
    onStep: options.onStep,
  });
}

/** As samplers call them. */
function kDiffusionOptions({
  eta,
  noise,
  churn,
  churnFrom = 0,
  churnTo = Number.POSITIVE_INFINITY,
}: NonNullable<GenerateRequest['samplerOptions']>) {
  return {
    ...(eta === undefined ? {} : { eta }),
    ...(noise === undefined ? {} : { sNoise: noise }),
    ...(churn === undefined ? {} : { churn: { amount: churn, from: churnFrom, to: churnTo } }),
  };
}
