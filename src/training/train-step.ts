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

/** Opens the step, cut into `partsOf` sessions: the first in this thread, the others in threads of their own. */
export async function openTrainStep(
  base: StepBase,
  layers: readonly TrainedLayer[],
  shape: StepShape,
  options: SessionOptions = {},
): Promise<TrainStep> {
  // One device runs one session at a time.
  const parts = (options.provider ?? 'cpu') === 'cpu' ? partsOf(base, shape.batch) : 1;
  const { graph, masks } = buildStepGraph(base, layers, { ...shape, batch: shape.batch / parts });
  const partOptions = parts === 1 ? options : { ...options, threads: 1 };
  const sessions = await f.openSessions(graph, parts, partOptions);
  return {
    async run(batch, parameters, key = { seed: 0, step: 0, first: 0 }) {
      const shared = Object.fromEntries(parameters);
      const drawn = masksOf(masks, key, shape.batch, parts);
      const start = (index: number) =>
        sessions[index].run({ ...feedsOf(batch, index, parts), ...shared, ...drawn(index) });
      // This thread is blocked while the first part runs, so the others must have theirs before.
      const waiting = sessions.slice(1).map((_, i) => start(i + 1));
      const results = [await start(0), ...(await Promise.all(waiting))];
      const losses = new Float32Array(shape.batch);
      for (const [i, result] of results.entries()) losses.set(result.losses.data, (i * shape.batch) / parts);
      const { losses: _, ...sums } = results[0];
      for (const other of results.slice(1))
        for (const [name, { data }] of Object.entries(sums)) f.addInPlace(data, other[name].data);
      return { losses: f.tensor([shape.batch], losses), gradients: new Map(Object.entries(sums)) };
    },
    async release() {
      for (const session of sessions) await session.release();
    },
  };
}
