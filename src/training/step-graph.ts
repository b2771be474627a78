/**
 * @file One training step as one graph: UNet, and text encoders where they are trained, with trainable side branches,
 * the loss, and its gradients by A and B only.
 */
import type { Graph, Value } from '../engine/index.ts';
import * as f from '../engine/index.ts';
import { attachTrained, type MaskInput, type TrainedLayer } from '../lora/index.ts';
import {
  buildText,
  buildUnet,
  type Checkpoint,
  encoderUses,
  type LatentSize,
  parameterCount,
  type TextSource,
} from '../models/index.ts';
import { trainedEncoders } from './captions.ts';
import { type LossShape, sampleLosses } from './loss-graph.ts';

export interface StepShape extends LatentSize, LossShape {
  readonly recompute: Recompute;
  /** Whether there is a backward pass; without one, dropout is off and nothing reads `weights`. True unless said. */
  readonly gradients?: boolean;
  /** Whether what the UNet predicts is an output too, `prediction` [n, c, h, w]. False unless said. */
  readonly prediction?: boolean;
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

/** Below this many parameters, operations are too small to be worth several threads each. */
const smallBelow = 50_000_000;

/** Whether operations are so small that a batch is cut into halves that run side by side. */
export function isSmall({ unet }: Pick<Checkpoint, 'unet'>): boolean {
  return parameterCount(unet.weights) < smallBelow;
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

/** Loss of each sample, and the gradients of their sum by weight. */
export function buildTrainStep(base: StepBase, layers: readonly TrainedLayer[], shape: StepShape): Graph {
  return buildStepGraph(base, layers, shape).graph;
}

const withoutDropout = (layer: TrainedLayer): TrainedLayer => ({
  ...layer,
  ...{ neuronDropout: 0, rankDropout: 0, moduleDropout: 0 },
});

/** Outputs the gradient of every parameter that `losses` [n, 1, 1, 1] depend on. */
function outputGradients(
  { graph, losses, parameters }: { graph: Graph; losses: Value; parameters: ReadonlyMap<string, Value> },
  base: StepBase,
  { batch, recompute }: StepShape,
  lastText: number,
): void {
  const weights = f.input(graph, 'weights', [batch]);
  const weighted = f.mul(f.reshape(losses, [batch]), weights);
  const loss = f.reshape(f.reduceSum(weighted, [0]), []);
  const trainable = influential(graph, parameters);
  const gradients = f.gradients(loss, [...trainable.values()], {
    recompute: segmentsToRecompute(graph, recompute, lastText),
    // Keeping all activations of a small model costs less than ordering nodes and making values again.
    ordered: !isSmall(base),
    makeCheapAgain: !isSmall(base),
  });
  [...trainable.keys()].forEach((name, i) => {
    f.output(name, gradients[i]);
  });
}

/** The graph of a step, and what else than its batch and parameters it is fed. */
export function buildStepGraph(base: StepBase, layers: readonly TrainedLayer[], shape: StepShape): StepGraph {
  const { batch, gradients = true } = shape;
  const graph = f.createGraph();
  const attachment = attachTrained(graph, gradients ? layers : layers.map(withoutDropout), batch);
  const inside = new Set(trainedEncoders(base, layers).map(({ name }) => name));
  const text =
    inside.size > 0 ? buildText(graph, encoderUses(base), inside, shape, attachment.hooks) : undefined;
  const lastText = graph.segmentCount;
  const prediction = buildUnet(graph, base, shape, attachment.hooks, text ?? {});
  const target = f.input(graph, 'target', prediction.shape);
  const losses = sampleLosses(graph, prediction, target, shape);
  f.output('losses', f.reshape(losses, [batch]));
  if (shape.prediction) f.output('prediction', prediction);
  const { masks } = attachment;
  const parameters = new Map([...attachment.parameters, ...(text?.newWords ?? [])]);
  if (gradients) outputGradients({ graph, losses, parameters }, base, shape, lastText);
  return { graph, masks };
}
