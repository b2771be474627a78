/**
 * @file Low-rank side branches on a model's layers: y + scale·up·(down·x) (Hu et al. 2021, eq. 3). Down and up are
 * inputs of the graph, so other LoRAs of the same rank are other feeds and nothing is rebuilt.
 */

import type { Graph, Shape, Value } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { ConvOptions, LayerHooks } from '../../models/index.ts';

export interface Slot {
  readonly target: string;
  /** Shape of the base weight: [out, in] or [out, in, k, k]. */
  readonly shape: Shape;
  readonly rank: number;
  /** alpha / rank where it is fixed (training); 1 where it is folded into `up` (generating). */
  readonly scale: number;
}

export interface Attachment {
  readonly hooks: LayerHooks;
  /** Graph inputs by name, in the order of the slots: `<target>.down`, `<target>.up`. */
  readonly parameters: ReadonlyMap<string, Value>;
}

const isConvolution = (shape: Shape): boolean => shape.length === 4 && shape[2] > 1;

/** Shapes in which a graph takes down and up: matrices for linear layers and 1×1 convolutions. */
export function slotShapes({ shape, rank }: Pick<Slot, 'shape' | 'rank'>): { down: Shape; up: Shape } {
  const [out, inside, ...kernel] = shape;
  return isConvolution(shape)
    ? { down: [rank, inside, ...kernel], up: [out, rank, 1, 1] }
    : { down: [rank, inside], up: [out, rank] };
}

/** Declares the inputs of every slot and returns hooks that add the branches. */
export function attach(graph: Graph, slots: readonly Slot[]): Attachment {
  const parameters = new Map<string, Value>();
  const byTarget = new Map<string, { slot: Slot; down: Value; up: Value }>();
  for (const slot of slots) {
    const shapes = slotShapes(slot);
    const down = f.input(graph, `${slot.target}.down`, shapes.down);
    const up = f.input(graph, `${slot.target}.up`, shapes.up);
    parameters.set(`${slot.target}.down`, down);
    parameters.set(`${slot.target}.up`, up);
    byTarget.set(slot.target, { slot, down, up });
  }

  const linear = (target: string, x: Value): Value | undefined => {
    const branch = byTarget.get(target);
    if (!branch) return undefined;
    const rows = f.reshape(x, [x.shape.slice(0, -1).reduce((a, b) => a * b, 1), x.shape.at(-1) as number]);
    const inside = f.matmul(rows, branch.down, { transposeB: true }); // [tokens, rank]
    const y = f.matmul(inside, branch.up, { transposeB: true, scale: branch.slot.scale });
    return f.reshape(y, [...x.shape.slice(0, -1), branch.slot.shape[0]]);
  };

  const conv2d = (target: string, x: Value, options: ConvOptions): Value | undefined => {
    const branch = byTarget.get(target);
    if (!branch) return undefined;
    const { slot, down, up } = branch;
    const [rank, inside] = down.shape;
    const kernel = down.shape.length === 4 ? down : f.reshape(down, [rank, inside, 1, 1]);
    const wide = f.scale(f.conv2d(x, kernel, undefined, options), slot.scale);
    const expand = up.shape.length === 4 ? up : f.reshape(up, [up.shape[0], rank, 1, 1]);
    return f.conv2d(wide, expand);
  };
  return { hooks: { linear, conv2d }, parameters };
}
