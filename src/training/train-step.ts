/**
 * @file One training step as one graph: UNet, and text encoders where they are trained, with trainable side branches,
 * the loss, and its gradients by A and B only.
 */

import type { Feed, Graph, SessionOptions, Tensor, Value } from '../engine/index.ts';
import * as f from '../engine/index.ts';
import { attachTrained, drawMask, type MaskInput, type MaskKey, type TrainedLayer } from '../lora/index.ts';
import {
  buildText,
  buildUnet,
  type Checkpoint,
  encoderFeeds,
  encoderUses,
  type LatentSize,
  parameterCount,
  type TextPartName,
  type TextSource,
  type TokenizedText,
} from '../models/index.ts';
import { trainedEncoders } from './captions.ts';

export interface StepShape extends LatentSize {
  readonly recompute: Recompute;
}

/** Insides of residual blocks and transformers that are computed again in backward: none, those at full resolution, all. */
export type Recompute = boolean | 'finest';

/** The segments of a forward graph that `recompute` asks for; those up to `lastText` are of text encoders. */
function segmentsToRecompute(
  graph: Graph,
  recompute: Recompute,
  lastText: number,
): (segment: number) => boolean {
  if (recompute !== 'finest') return () => recompute;
  const area = new Map<number, number>();
  for (const { segment, outputs } of graph.nodes) {
    // Attention has four axes too, in text encoders of more tokens × tokens than a small picture has pixels.
    if (segment <= lastText || graph.parameterSegments.has(segment)) continue;
    const pictures = outputs.filter(({ shape }) => shape.length === 4);
    for (const { shape } of pictures)
      area.set(segment, Math.max(area.get(segment) ?? 0, shape[2] * shape[3]));
  }
  const finest = Math.max(...area.values());
  return segment => area.get(segment) === finest;
}

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

/** What a step is built of; text encoders are needed only where they are trained. */
export type StepBase = Pick<Checkpoint, 'unet'> & TextSource;

/** Inputs that the loss depends on: SDXL reads the states before the last layer of its first text encoder. */
function influential(graph: Graph, inputs: ReadonlyMap<string, Value>): Map<string, Value> {
  const read = new Set(f.reachableNodes(graph).flatMap(node => node.inputs));
  return new Map([...inputs].filter(([, value]) => read.has(value)));
}

interface StepGraph {
  readonly graph: Graph;
  readonly masks: readonly MaskInput[];
}

/** Loss and gradients: mean squared error of each sample, summed by weight. */
export function buildTrainStep(base: StepBase, layers: readonly TrainedLayer[], shape: StepShape): Graph {
  return buildStepGraph(base, layers, shape).graph;
}

function buildStepGraph(base: StepBase, layers: readonly TrainedLayer[], shape: StepShape): StepGraph {
  const graph = f.createGraph();
  const attachment = attachTrained(graph, layers, shape.batch);
  const inside = new Set(trainedEncoders(base, layers).map(({ name }) => name));
  const text = inside.size > 0 ? buildText(graph, encoderUses(base), inside, shape, attachment.hooks) : {};
  const lastText = graph.segmentCount;
  const prediction = buildUnet(graph, base, shape, attachment.hooks, text);
  const target = f.input(graph, 'target', prediction.shape);
  const weights = f.input(graph, 'weights', [shape.batch]);
  const difference = f.sub(prediction, target);
  const losses = f.reduceMean(f.square(difference), [1, 2, 3]); // [n, 1, 1, 1]
  const weighted = f.mul(f.reshape(losses, [shape.batch]), weights);
  const loss = f.reshape(f.reduceSum(weighted, [0]), []);
  f.output('losses', f.reshape(losses, [shape.batch]));
  const trainable = influential(graph, attachment.parameters);
  const gradients = f.gradients(loss, [...trainable.values()], {
    recompute: segmentsToRecompute(graph, shape.recompute, lastText),
    // Keeping all activations of a small model costs less than ordering nodes and making values again.
    ordered: !isSmall(base),
    makeCheapAgain: !isSmall(base),
  });
  [...trainable.keys()].forEach((name, i) => {
    f.output(name, gradients[i]);
  });
  return { graph, masks: attachment.masks };
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

/** Below this many parameters, operations are too small to be worth several threads each. */
const smallBelow = 50_000_000;

/** Whether operations are so small that a batch is cut into halves that run side by side. */
export function isSmall({ unet }: Pick<Checkpoint, 'unet'>): boolean {
  return parameterCount(unet.weights) < smallBelow;
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

function addInPlace(sum: Float32Array, other: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += other[i];
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
        for (const [name, { data }] of Object.entries(sums)) addInPlace(data, other[name].data);
      return { losses: f.tensor([shape.batch], losses), gradients: new Map(Object.entries(sums)) };
    },
    async release() {
      for (const session of sessions) await session.release();
    },
  };
}
