/** @file The training loop: from opened data to A and B, saving as it goes, resuming exactly. */

import type { TrainingItem } from '../dataset/index.ts';
import { noiseSchedule } from '../diffusion/index.ts';
import type { SessionOptions, Tensor } from '../engine/index.ts';
import { LoraError } from '../errors.ts';
import { initialParameters } from '../lora/index.ts';
import type { Checkpoint, EncodedText, LayerInfo } from '../models/index.ts';
import { adamWDefaults, adamWUpdate, clipGradients, newMoments } from './adamw.ts';
import { drawItem, openBatches } from './batches.ts';
import { learningRateAt } from './learning-rate.ts';
import { drawSample } from './objective.ts';
import type { Recipe } from './recipe.ts';
import type { RunState } from './run-state.ts';
import { openTrainStep, type StepBatch, type TrainStep } from './train-step.ts';

export interface LoopInput {
  readonly checkpoint: Checkpoint;
  readonly recipe: Recipe;
  readonly layers: readonly LayerInfo[];
  readonly items: readonly TrainingItem[];
  /** Text states by caption; holds '' too. */
  readonly texts: ReadonlyMap<string, EncodedText>;
  readonly session: SessionOptions;
}

export interface StepReport {
  /** Finished steps. */
  readonly step: number;
  readonly loss: number;
  readonly rate: number;
  readonly gradientNorm: number;
  readonly seconds: number;
}

/** The state a new run starts from. */
export function newRunState(
  { layers, recipe }: Pick<LoopInput, 'layers' | 'recipe'>,
  fingerprint: string,
): RunState {
  const parameters = initialParameters(layers, recipe.rank, recipe.seed);
  const moments = new Map([...parameters].map(([name, { data }]) => [name, newMoments(data.length)]));
  return { step: 0, parameters, moments, losses: [], fingerprint, startedAt: Math.floor(Date.now() / 1000) };
}

/** Sessions by bucket; all stay open for a small model, one at a time for a large one. */
function sessionPool(input: LoopInput): {
  get(item: TrainingItem): Promise<TrainStep>;
  release(): Promise<void>;
} {
  const { checkpoint, recipe, layers, texts } = input;
  const capacity = checkpoint.family === 'pocket' ? 8 : 1;
  const open = new Map<string, TrainStep>();
  const { context } = texts.get('') as EncodedText;
  return {
    async get({ latents }) {
      const [, , height, width] = latents.shape;
      const key = `${height}x${width}`;
      const known = open.get(key);
      if (known) return known;
      for (const [oldest, step] of open) {
        if (open.size < capacity) break;
        await step.session.release();
        open.delete(oldest);
      }
      const scale = recipe.alpha / recipe.rank;
      const shape = {
        batch: recipe.batch,
        height,
        width,
        tokens: context.shape[1],
        rank: recipe.rank,
        scale,
      };
      const step = await openTrainStep(
        checkpoint,
        layers,
        { ...shape, recompute: recipe.recompute },
        input.session,
      );
      open.set(key, step);
      return step;
    },
    async release() {
      for (const step of open.values()) await step.session.release();
    },
  };
}

/** Copies rows into one tensor with the batch in front. */
function stack(rows: readonly Float32Array[], shape: readonly number[]): Tensor {
  const data = new Float32Array(rows.length * rows[0].length);
  rows.forEach((row, i) => {
    data.set(row, i * row.length);
  });
  return { shape: [rows.length, ...shape], data };
}

/** Feeds of one micro-step. A short batch is filled up with samples of weight 0. */
function makeBatch(
  input: LoopInput,
  indices: readonly number[],
  microStep: number,
  sampleWeight: number,
): StepBatch {
  const { recipe, items, texts, checkpoint } = input;
  const { scheduler } = checkpoint;
  const schedule = scheduleOf(checkpoint);
  const objective = { ...recipe, schedule, predictionType: scheduler.predictionType };
  const filled = Array.from({ length: recipe.batch }, (_, i) => indices[i] ?? indices[0]);
  const chosen = filled.map((index, i) => drawItem(items[index], recipe, microStep, i));
  const samples = chosen.map(({ latents }, i) => drawSample(latents, microStep, i, objective));
  const encoded = chosen.map(({ caption }) => texts.get(caption) as EncodedText);
  const latentShape = chosen[0].latents.shape.slice(1);
  const weights = samples.map(({ weight }, i) => (i < indices.length ? weight * sampleWeight : 0));
  const base = {
    sample: stack(
      samples.map(({ noisy }) => noisy),
      latentShape,
    ),
    timesteps: { shape: [recipe.batch], data: Float32Array.from(samples, ({ timestep }) => timestep) },
    context: stack(
      encoded.map(({ context }) => context.data),
      encoded[0].context.shape.slice(1),
    ),
    target: stack(
      samples.map(({ target }) => target),
      latentShape,
    ),
    weights: { shape: [recipe.batch], data: Float32Array.from(weights) },
  };
  if (!encoded[0].pooled) return base;
  const sizes = chosen.map(({ item }) => {
    const { originalSize, crop, bucket } = item;
    return Float32Array.of(
      originalSize.height,
      originalSize.width,
      crop.top,
      crop.left,
      bucket.height,
      bucket.width,
    );
  });
  const pooled = stack(
    encoded.map(text => (text.pooled as Tensor).data),
    [encoded[0].pooled.data.length],
  );
  return { ...base, added: { pooled, sizes: stack(sizes, [6]) } };
}

const schedules = new WeakMap<Checkpoint, ReturnType<typeof noiseSchedule>>();
function scheduleOf(checkpoint: Checkpoint): ReturnType<typeof noiseSchedule> {
  const { trainSteps, betaStart, betaEnd, betaSchedule, rescaleZeroTerminalSnr } = checkpoint.scheduler;
  let schedule = schedules.get(checkpoint);
  if (!schedule) {
    schedule = noiseSchedule({ trainSteps, betaStart, betaEnd, kind: betaSchedule, rescaleZeroTerminalSnr });
    schedules.set(checkpoint, schedule);
  }
  return schedule;
}

/** Runs one micro-step, adds its gradients to `sums`, and returns the mean loss of its real samples. */
async function runMicroStep(
  step: TrainStep,
  batch: StepBatch,
  realCount: number,
  parameters: ReadonlyMap<string, Tensor>,
  sums: Map<string, Float32Array>,
): Promise<number> {
  const { losses, gradients } = await step.run(batch, parameters);
  for (const [name, { data }] of gradients) {
    const sum = sums.get(name);
    if (!sum) sums.set(name, data);
    else for (let i = 0; i < sum.length; i++) sum[i] += data[i];
  }
  return losses.data.subarray(0, realCount).reduce((a, b) => a + b, 0) / realCount;
}

function checkFinite(loss: number, norm: number, step: number): void {
  if (Number.isFinite(loss) && Number.isFinite(norm)) return;
  throw new LoraError(
    'TRAINING_NOT_FINITE',
    `step ${step + 1}: the loss is ${loss}, the gradient norm ${norm}`,
    {
      hint: 'Lower the learning rate; check the base model and the pictures. Nothing broken was saved.',
    },
  );
}

/**
 * Trains from `state.step` to the recipe's last step, changing `state` in place. `onStep` runs after every step
 * and may save; returning false stops the loop.
 */
export async function runLoop(
  input: LoopInput,
  state: RunState,
  onStep: (report: StepReport) => Promise<boolean>,
): Promise<void> {
  const { recipe, items } = input;
  const batches = openBatches(items, recipe.batch, recipe.seed);
  const pool = sessionPool(input);
  const rates = {
    name: recipe.schedule,
    rate: recipe.learningRate,
    warmupSteps: recipe.warmupSteps,
    steps: recipe.steps,
  };
  try {
    while (state.step < recipe.steps) {
      const started = performance.now();
      const { step } = state;
      const chosen = Array.from({ length: recipe.accumulate }, (_, k) =>
        batches(step * recipe.accumulate + k),
      );
      const total = chosen.reduce((sum, indices) => sum + indices.length, 0);
      const sums = new Map<string, Float32Array>();
      let loss = 0;
      for (const [k, indices] of chosen.entries()) {
        const trainStep = await pool.get(items[indices[0]]);
        const batch = makeBatch(input, indices, step * recipe.accumulate + k, 1 / total);
        loss +=
          ((await runMicroStep(trainStep, batch, indices.length, state.parameters, sums)) * indices.length) /
          total;
      }
      const limit = recipe.maxGradientNorm || Number.POSITIVE_INFINITY;
      const gradientNorm = clipGradients([...sums.values()], limit);
      checkFinite(loss, gradientNorm, step);
      const rate = learningRateAt(rates, step);
      const options = { ...adamWDefaults, weightDecay: recipe.weightDecay };
      for (const [name, { data }] of state.parameters) {
        const moments = state.moments.get(name);
        const gradient = sums.get(name);
        if (moments && gradient) adamWUpdate(data, gradient, moments, rate, step + 1, options);
      }
      state.step = step + 1;
      state.losses.push(Math.fround(loss));
      const seconds = (performance.now() - started) / 1000;
      if (!(await onStep({ step: state.step, loss, rate, gradientNorm, seconds }))) break;
    }
  } finally {
    await pool.release();
  }
}
