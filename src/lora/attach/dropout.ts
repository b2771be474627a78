/**
 * @file Dropout as masks that are fed, so that the graph is static and a mask is a function of seed, step and sample.
 * Side branches are masked between down and up, as kohya does (networks/lora.py); weights made of parameters are masked
 * by the row, as LyCORIS does, and their branch's output by the element (lycoris/modules).
 */
import type { Graph, Shape, Tensor, Value } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { TrainedLayer } from './trained-layer.ts';

type DropoutName = 'neuron' | 'rank' | 'module';

interface Draw {
  readonly name: DropoutName;
  readonly probability: number;
  /** Of what is drawn; broadcasts to the mask without its batch. */
  readonly shape: Shape;
}

/** An input of the graph that multiplies what a layer's LoRA does. */
export interface MaskInput {
  readonly name: string;
  readonly target: string;
  readonly value: Value;
  /** Has the batch in front, so that it is cut with the batch. */
  readonly perSample: boolean;
  readonly draws: readonly Draw[];
}

/** Which numbers a micro-step draws: those of samples `first`, `first + 1`, … of step `step`. */
export interface MaskKey {
  readonly seed: number;
  readonly step: number;
  readonly first: number;
}

const probabilityOf = (layer: TrainedLayer, name: DropoutName): number =>
  ({ neuron: layer.neuronDropout, rank: layer.rankDropout, module: layer.moduleDropout })[name];

export interface MaskRequest {
  readonly suffix?: string;
  /** Samples of a mask with the batch in front; otherwise all samples have the same. */
  readonly batch?: number;
  /** What each kind of dropout draws, on top of one another. */
  readonly shapes: Readonly<Partial<Record<DropoutName, Shape>>>;
}

/** Declares the mask of a layer; undefined where the layer drops nothing of what is asked for. */
export function maskInput(
  graph: Graph,
  layer: TrainedLayer,
  { suffix = 'dropout', batch, shapes }: MaskRequest,
): MaskInput | undefined {
  const names = (Object.keys(shapes) as DropoutName[]).filter(name => probabilityOf(layer, name) > 0);
  const draws = names.map(name => ({
    name,
    probability: probabilityOf(layer, name),
    shape: shapes[name] as Shape,
  }));
  if (draws.length === 0) return undefined;
  const { target } = layer;
  const own = draws[0].shape.map((_, axis) => Math.max(...draws.map(({ shape }) => shape[axis])));
  const value = f.input(graph, `${target}.${suffix}`, batch === undefined ? own : [batch, ...own]);
  return { name: `${target}.${suffix}`, target, value, perSample: batch !== undefined, draws };
}

/**
 * 0 with the probability, else 1; what is left of neurons and ranks grows by 1/(1−p), so that the mean stays (kohya;
 * LyCORIS lets ranks grow only with rank_dropout_scale). A module is there or not.
 */
function drawOne({ name, probability, shape }: Draw, target: string, key: MaskKey): Float32Array {
  const random = f.randomStream(key.seed, `${name} dropout ${target}`, key.step, key.first);
  const kept = name === 'module' ? 1 : 1 / (1 - probability);
  return Float32Array.from({ length: f.elementCount(shape) }, () =>
    random.uniform() < probability ? 0 : kept,
  );
}

/** Multiplies `mask` of `shape` by numbers of a shape that broadcasts to it. */
function multiplyInto(mask: Float32Array, shape: Shape, numbers: Float32Array, own: Shape): void {
  for (let i = 0; i < mask.length; i++) {
    let rest = i;
    let at = 0;
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (own[axis] > 1) at += (rest % shape[axis]) * stride;
      rest = Math.floor(rest / shape[axis]);
      stride *= own[axis];
    }
    mask[i] *= numbers[at];
  }
}

/** The mask of `samples` samples, whatever part of them one graph takes. */
export function drawMask(
  { target, value, perSample, draws }: MaskInput,
  key: MaskKey,
  samples: number,
): Tensor {
  const own = perSample ? value.shape.slice(1) : value.shape;
  const length = f.elementCount(own);
  const count = perSample ? samples : 1;
  const data = new Float32Array(count * length).fill(1);
  for (const draw of draws) {
    for (let i = 0; i < count; i++) {
      // A module is left out of a whole micro-step.
      const first = draw.name === 'module' ? key.first : key.first + i;
      const numbers = drawOne(draw, target, { ...key, first });
      multiplyInto(data.subarray(i * length, (i + 1) * length), own, numbers, draw.shape);
    }
  }
  return { shape: perSample ? [count, ...own] : own, data };
}
