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
  /** alpha / rank, or a factor for each rank that is fed as `<target>.scale` (generating). */
  readonly scale: number | 'fed';
}

export interface Attachment {
  readonly hooks: LayerHooks;
  /** Graph inputs by name, in the order of the slots: `<target>.down`, `<target>.up`. */
  readonly parameters: ReadonlyMap<string, Value>;
}

/** Shapes in which a graph takes down and up: matrices for linear layers and 1×1 convolutions. */
export function slotShapes({ shape, rank }: Pick<Slot, 'shape' | 'rank'>): { down: Shape; up: Shape } {
  const [out, inside, ...kernel] = shape;
  return isSpatial(shape)
    ? { down: [rank, inside, ...kernel], up: [out, rank, 1, 1] }
    : { down: [rank, inside], up: [out, rank] };
}

/** A fed scale is applied between down and up, where it is cheapest. */
function scaling(graph: Graph, { target, rank, scale }: Slot): Pick<Branch, 'scale' | 'drop'> {
  if (scale !== 'fed') return { scale };
  const factors = f.input(graph, `${target}.scale`, [rank]);
  const drop = (inside: Value): Value =>
    f.mul(inside, inside.shape.length === 4 ? f.reshape(factors, [1, rank, 1, 1]) : factors);
  return { scale: 1, drop };
}

/**
 * Declares the inputs of every slot and returns hooks that add the branches. Weights and biases in `replaced` are inputs
 * too, by their full names (`unet.conv_in.weight`), instead of the base's.
 */
export function attach(
  graph: Graph,
  slots: readonly Slot[],
  replaced: ReadonlyMap<string, Shape> = new Map(),
): Attachment {
  const parameters = new Map<string, Value>();
  const byTarget = new Map<string, Branch>();
  for (const slot of slots) {
    const shapes = slotShapes(slot);
    const down = f.input(graph, `${slot.target}.down`, shapes.down);
    const up = f.input(graph, `${slot.target}.up`, shapes.up);
    parameters.set(`${slot.target}.down`, down);
    parameters.set(`${slot.target}.up`, up);
    byTarget.set(slot.target, { down, up, ...scaling(graph, slot) });
  }

  const linear = (target: string, x: Value): Value | undefined => {
    const branch = byTarget.get(target);
    return branch && linearBranch(x, branch);
  };
  const conv2d = (target: string, x: Value, options: ConvOptions): Value | undefined => {
    const branch = byTarget.get(target);
    return branch && convBranch(x, branch, options);
  };
  const parameter = (name: string, shape: Shape): Value | undefined =>
    replaced.has(name) ? f.input(graph, name, shape) : undefined;
  return { hooks: { linear, conv2d, parameter }, parameters };
}
