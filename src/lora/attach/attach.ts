/**
 * @file Low-rank side branches on a model's layers: y + scale·up·(down·x) (Hu et al. 2021, eq. 3). Down and up are
 * inputs of the graph, so other LoRAs of the same rank are other feeds and nothing is rebuilt.
 */

import type { Graph, Shape, Value } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { ConvOptions, LayerHooks } from '../../models/index.ts';
import { type Branch, convBranch, isSpatial, linearBranch } from './branch.ts';

export interface Slot {
  readonly target: string;
  /** Shape of the base weight: [out, in] or [out, in, k, k]. */
  readonly shape: Shape;
  readonly rank: number;
  /**
   * alpha / rank, or a factor for each rank that is fed as `<target>.scale` (generating): one for all samples [rank], or
   * each sample's own [batch, rank].
   */
  readonly scale: number | 'fed' | 'fed-by-sample';
}

export interface AttachOptions {
  /** Weights and biases that are inputs too, by their full names (`unet.conv_in.weight`), instead of the base's. */
  readonly replaced?: ReadonlyMap<string, Shape>;
  /** Samples that the layers read at once. */
  readonly batch?: number;
}

export interface Attachment {
  readonly hooks: LayerHooks;
  /** Graph inputs by name, in the order of the slots: `<target>.down`, `<target>.up`. */
  readonly parameters: ReadonlyMap<string, Value>;
}

/** A slot whose scale is fed, as values of the graph. */
interface FedSlot {
  readonly shape: Shape;
  readonly down: Value;
  readonly up: Value;
  /** [rank] */
  readonly factors: Value;
}

/** Shapes in which a graph takes down and up: matrices for linear layers and 1×1 convolutions. */
export function slotShapes({ shape, rank }: Pick<Slot, 'shape' | 'rank'>): { down: Shape; up: Shape } {
  const [out, inside, ...kernel] = shape;
  return isSpatial(shape)
    ? { down: [rank, inside, ...kernel], up: [out, rank, 1, 1] }
    : { down: [rank, inside], up: [out, rank] };
}

/**
 * Whether W + up·down costs less than a branch beside W: both are bound by memory. Reading x again and adding the branch's
 * result to y takes rows·in + 4·rows·out numbers, making another weight 4·out·in. Two samples are counted whatever the
 * batch is, so that a picture is the same to the bit alone and in a batch.
 */
function isCheaperInWeight(x: Value, [out, inside]: Shape, batch: number): boolean {
  const rows = (2 * f.elementCount(x.shape)) / (batch * inside);
  return 4 * out * inside < rows * inside + 4 * rows * out;
}

/** W + up·scale·down [out, in] */
function changedMatrix(weight: Value, { down, up, factors }: FedSlot): Value {
  const [rank, inside] = down.shape;
  return f.ofParameters(weight.graph, () =>
    f.add(
      weight,
      f.matmul(f.mul(f.reshape(up, [up.shape[0], rank]), factors), f.reshape(down, [rank, inside])),
    ),
  );
}

/** Applies a fed scale, [rank] or [batch, rank], between down and up, where it is cheapest. */
const applyScale =
  (factors: Value) =>
  (inside: Value): Value => {
    const rank = factors.shape[factors.shape.length - 1];
    const samples = factors.shape.length === 2 ? factors.shape[0] : 1;
    if (inside.shape.length === 4) return f.mul(inside, f.reshape(factors, [samples, rank, 1, 1]));
    if (factors.shape.length === 1) return f.mul(inside, factors);
    const [rows] = inside.shape;
    const bySample = f.reshape(inside, [samples, rows / samples, rank]);
    return f.reshape(f.mul(bySample, f.reshape(factors, [samples, 1, rank])), [rows, rank]);
  };

/**
 * Declares the inputs of every slot and returns hooks that add the branches, or, where the scale is fed and it costs less,
 * put the change into the weight.
 */
export function attach(
  graph: Graph,
  slots: readonly Slot[],
  { replaced = new Map(), batch = 1 }: AttachOptions = {},
): Attachment {
  const parameters = new Map<string, Value>();
  const branches = new Map<string, Branch>();
  /** Those that may become part of the weight, which all samples share. */
  const fed = new Map<string, FedSlot>();
  for (const slot of slots) {
    const { target, rank, scale } = slot;
    const shapes = slotShapes(slot);
    const down = f.input(graph, `${target}.down`, shapes.down);
    const up = f.input(graph, `${target}.up`, shapes.up);
    parameters.set(`${target}.down`, down);
    parameters.set(`${target}.up`, up);
    if (typeof scale === 'number') branches.set(target, { down, up, scale });
    else {
      const isShared = scale === 'fed';
      const factors = f.input(graph, `${target}.scale`, isShared ? [rank] : [batch, rank]);
      branches.set(target, { down, up, scale: 1, drop: applyScale(factors) });
      if (isShared) fed.set(target, { shape: slot.shape, down, up, factors });
    }
  }

  const inWeight = (target: string, x: Value): FedSlot | undefined => {
    const slot = fed.get(target);
    return slot && isCheaperInWeight(x, slot.shape, batch) ? slot : undefined;
  };
  const linearWeight = (target: string, x: Value, weight: Value): Value | undefined => {
    const slot = inWeight(target, x);
    return slot && changedMatrix(weight, slot);
  };
  const linear = (target: string, x: Value): Value | undefined => {
    const branch = branches.get(target);
    return branch && !inWeight(target, x) ? linearBranch(x, branch) : undefined;
  };
  const conv2d = (target: string, x: Value, options: ConvOptions): Value | undefined => {
    const branch = branches.get(target);
    return branch && convBranch(x, branch, options);
  };
  // A 1×1 convolution is fed as one, and asked for as a matrix.
  const parameter = (name: string, shape: Shape): Value | undefined => {
    const own = replaced.get(name);
    return own && f.reshape(f.input(graph, name, own), shape);
  };
  return { hooks: { linear, linearWeight, conv2d, parameter }, parameters };
}
