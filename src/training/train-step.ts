/** @file Runs the graph of a training step on batches: fed, cut into parts that run side by side, added up again. */

import type { Feed, SessionOptions, Tensor } from '../engine/index.ts';
import * as f from '../engine/index.ts';
import { drawMask, type MaskInput, type MaskKey, type TrainedLayer } from '../lora/index.ts';
import { type Checkpoint, encoderFeeds, type TextPartName, type TokenizedText } from '../models/index.ts';
import { buildStepGraph, isSmall, type StepBase, type StepShape } from './step-graph.ts';

/** What one micro-step feeds; every tensor has the batch in front. */
export interface StepBatch {
  readonly sample: Tensor; // noisy latents, for inpainting masks and masked latents too [n, c, h, w]
  readonly timesteps: Tensor; // [n]
  readonly context?: Tensor; // of text encoders that are not trained [n, tokens, width]
  readonly target: Tensor; // noise or velocity [n, c, h, w]
  /** Weight of each sample's loss: its min-SNR weight over the number of samples of the whole step. [n] */
  readonly weights: Tensor;
  /** How much each pixel of the loss counts, where the graph asks for it. [n, 1, h, w] */
  readonly mask?: Tensor;
  /** Where Huber losses bend. [n] */
  readonly huberC?: Tensor;
  readonly added?: Readonly<Record<string, Tensor>>;
  /** For text encoders that are trained: a caption a sample. */
  readonly texts?: ReadonlyMap<TextPartName, readonly TokenizedText[]>;
}

export interface TrainStep {
  /** Returns the loss of each sample and the gradient of every parameter that it depends on, by name. */
  run(
    batch: StepBatch,
    /** Everything that layers keep, trained or frozen. */
    parameters: ReadonlyMap<string, Tensor>,
    /** Where layers have dropout: what it draws. */
    key?: MaskKey,
  ): Promise<{ losses: Tensor; gradients: Map<string, Tensor> }>;
  release(): Promise<void>;
}

/** A step that only looks: no gradients, no dropout. */
export interface EvaluationStep {
  /** Returns the loss of each sample [n], and the prediction [n, c, h, w] where the step was opened with it. */
  run(
    batch: StepBatch,
    parameters: ReadonlyMap<string, Tensor>,
  ): Promise<{ losses: Tensor; prediction?: Tensor }>;
  release(): Promise<void>;
}

/**
 * Parts of a batch that run side by side, each on one thread, which is faster for a small model (docs/decisions/0004).
 * The machine has no say in it, so that the same run gives the same bytes everywhere.
 */
function partsOf(checkpoint: Pick<Checkpoint, 'unet'>, batch: number): number {
  return isSmall(checkpoint) && batch % 2 === 0 ? 2 : 1;
}

/** Part `index` of `count` equal parts along the first axis; shares memory. */
function partOf({ shape, data }: Tensor, index: number, count: number): Tensor {
  const [n, ...rest] = shape;
  const length = data.length / count;
  return { shape: [n / count, ...rest], data: data.subarray(index * length, (index + 1) * length) };
}

function feedsOf(
  { added, texts = new Map(), ...batch }: StepBatch,
  index: number,
  count: number,
): Record<string, Feed> {
  const entries = Object.entries<Tensor>({ ...batch, ...added });
  const tensors = entries.map(([name, tensor]) => [name, partOf(tensor, index, count)] as const);
  const tokens = [...texts].map(([name, all]) => {
    const length = all.length / count;
    return encoderFeeds(name, all.slice(index * length, (index + 1) * length));
  });
  return Object.assign(Object.fromEntries(tensors), ...tokens);
}

/** Masks of a whole batch: those that part `index` of `count` reads of each. */
function masksOf(
  masks: readonly MaskInput[],
  key: MaskKey,
  samples: number,
  count: number,
): (index: number) => Record<string, Tensor> {
  const drawn = masks.map(mask => ({ mask, tensor: drawMask(mask, key, samples) }));
  return index =>
    Object.fromEntries(
      drawn.map(({ mask, tensor }) => [mask.name, mask.perSample ? partOf(tensor, index, count) : tensor]),
    );
}

interface StepParts {
  /** What every part returns for its share of the batch. */
  run(
    batch: StepBatch,
    parameters: ReadonlyMap<string, Tensor>,
    key: MaskKey,
  ): Promise<Readonly<Record<string, Tensor>>[]>;
  release(): Promise<void>;
}

/** Opens the graph of a step, cut into `partsOf` sessions: the first in this thread, the others in threads of their own. */
async function openParts(
  base: StepBase,
  layers: readonly TrainedLayer[],
  shape: StepShape,
  options: SessionOptions,
): Promise<StepParts> {
  // One device runs one session at a time.
  const count = (options.provider ?? 'cpu') === 'cpu' ? partsOf(base, shape.batch) : 1;
  const { graph, masks } = buildStepGraph(base, layers, { ...shape, batch: shape.batch / count });
  const partOptions = count === 1 ? options : { ...options, threads: 1 };
  const sessions = await f.openSessions(graph, count, partOptions);
  return {
    async run(batch, parameters, key) {
      const shared = Object.fromEntries(parameters);
      const drawn = masksOf(masks, key, shape.batch, count);
      const start = (index: number) =>
        sessions[index].run({ ...feedsOf(batch, index, count), ...shared, ...drawn(index) });
      // This thread is blocked while the first part runs, so the others must have theirs before.
      const waiting = sessions.slice(1).map((_, i) => start(i + 1));
      for (const part of waiting) part.catch(() => undefined); // where the first part fails, nobody waits for these
      return [await start(0), ...(await Promise.all(waiting))];
    },
    async release() {
      for (const session of sessions) await session.release();
    },
  };
}

/** Parts of a batch, one after the other: the inverse of `partOf`. */
function joinParts(parts: readonly Tensor[]): Tensor {
  const [n, ...rest] = parts[0].shape;
  const { length } = parts[0].data;
  const data = new Float32Array(parts.length * length);
  for (const [i, part] of parts.entries()) data.set(part.data, i * length);
  return { shape: [parts.length * n, ...rest], data };
}

/** Opens a step that trains; small models run the parts of a batch side by side. */
export async function openTrainStep(
  base: StepBase,
  layers: readonly TrainedLayer[],
  shape: StepShape,
  options: SessionOptions = {},
): Promise<TrainStep> {
  const parts = await openParts(base, layers, { ...shape, gradients: true, prediction: false }, options);
  return {
    async run(batch, parameters, key = { seed: 0, step: 0, first: 0 }) {
      const results = await parts.run(batch, parameters, key);
      const { losses: _, ...sums } = results[0];
      for (const other of results.slice(1))
        for (const [name, { data }] of Object.entries(sums)) f.addInPlace(data, other[name].data);
      return {
        losses: joinParts(results.map(({ losses }) => losses)),
        gradients: new Map(Object.entries(sums)),
      };
    },
    release: () => parts.release(),
  };
}

/** Opens a step that only looks, on the same batches and parameters: for validation, and for what the base itself predicts. */
export async function openEvaluationStep(
  base: StepBase,
  layers: readonly TrainedLayer[],
  shape: Omit<StepShape, 'gradients' | 'recompute'>,
  options: SessionOptions = {},
): Promise<EvaluationStep> {
  const own = { ...shape, recompute: false, gradients: false };
  const parts = await openParts(base, layers, own, options);
  return {
    async run(batch, parameters) {
      const results = await parts.run(batch, parameters, { seed: 0, step: 0, first: 0 });
      const join = (name: string): Tensor => joinParts(results.map(result => result[name]));
      return { losses: join('losses'), ...(shape.prediction ? { prediction: join('prediction') } : {}) };
    },
    release: () => parts.release(),
  };
}
