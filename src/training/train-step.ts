/**
 * @file One training step as one graph: UNet with trainable side branches, the loss, and its gradients by A and B only.
 */

import type { Graph, Session, SessionOptions, Tensor } from '../engine/index.ts';
import * as f from '../engine/index.ts';
import { attach } from '../lora/index.ts';
import { buildUnet, type Checkpoint, type LatentSize, type LayerInfo } from '../models/index.ts';

export interface StepShape extends LatentSize {
  readonly rank: number;
  /** alpha / rank */
  readonly scale: number;
  readonly recompute: boolean;
}

/** What one micro-step feeds; every tensor has the batch in front. */
export interface StepBatch {
  readonly sample: Tensor; // noisy latents [n, c, h, w]
  readonly timesteps: Tensor; // [n]
  readonly context: Tensor; // [n, tokens, width]
  readonly target: Tensor; // noise or velocity [n, c, h, w]
  /** Weight of each sample's loss; they sum to 1 over the whole step. [n] */
  readonly weights: Tensor;
  readonly added?: Readonly<Record<string, Tensor>>;
}

/** Loss and gradients: mean squared error of each sample (min-SNR and padding enter through the weights). */
export function buildTrainStep(
  checkpoint: Pick<Checkpoint, 'unet'>,
  layers: readonly LayerInfo[],
  shape: StepShape,
): Graph {
  const graph = f.createGraph();
  const slots = layers.map(layer => ({ ...layer, rank: shape.rank, scale: shape.scale }));
  const attachment = attach(graph, slots);
  const prediction = buildUnet(graph, checkpoint, shape, attachment.hooks);
  const target = f.input(graph, 'target', prediction.shape);
  const weights = f.input(graph, 'weights', [shape.batch]);
  const difference = f.sub(prediction, target);
  const losses = f.reduceMean(f.square(difference), [1, 2, 3]); // [n, 1, 1, 1]
  const weighted = f.mul(f.reshape(losses, [shape.batch]), weights);
  const loss = f.reshape(f.reduceSum(weighted, [0]), []);
  const gradients = f.gradients(loss, [...attachment.parameters.values()], { recompute: shape.recompute });
  f.output('losses', f.reshape(losses, [shape.batch]));
  [...attachment.parameters.keys()].forEach((name, i) => {
    f.output(name, gradients[i]);
  });
  return graph;
}

export interface TrainStep {
  readonly session: Session;
  /** Returns the loss of each sample and the gradient of every parameter by name. */
  run(
    batch: StepBatch,
    parameters: ReadonlyMap<string, Tensor>,
  ): Promise<{ losses: Tensor; gradients: Map<string, Tensor> }>;
}

export async function openTrainStep(
  checkpoint: Pick<Checkpoint, 'unet'>,
  layers: readonly LayerInfo[],
  shape: StepShape,
  options: SessionOptions = {},
): Promise<TrainStep> {
  const session = await f.openSession(buildTrainStep(checkpoint, layers, shape), options);
  return {
    session,
    async run({ added, ...batch }, parameters) {
      const { losses, ...rest } = await session.run({
        ...batch,
        ...added,
        ...Object.fromEntries(parameters),
      });
      return { losses, gradients: new Map(Object.entries(rest)) };
    },
  };
}
