/** @file Low-rank side branches on a model's layers: scale·up·(down·x) (Hu et al. 2021, eq. 3). */
import type { Shape, Value } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { ConvOptions } from '../../models/index.ts';

export interface Branch {
  /** [rank, in] or [rank, in, k, k]; with a mid [rank, in] or [rank, in, 1, 1] */
  readonly down: Value;
  /** [out, rank] or [out, rank, 1, 1] */
  readonly up: Value;
  /** LoCon in Tucker form: between down and up [rank, rank, k, k]. */
  readonly mid?: Value | undefined;
  readonly scale: number;
  /** What the values in the low-rank space of a sample are multiplied by; see `dropout.ts`. */
  readonly drop?: ((inside: Value) => Value) | undefined;
}

const keep = (x: Value): Value => x;

/** x [… , in] → [… , out] */
export function linearBranch(x: Value, { down, up, scale, drop = keep }: Branch): Value {
  const [out, rank] = up.shape;
  const [, features] = down.shape;
  const rows = f.reshape(x, [f.elementCount(x.shape) / features, features]);
  const inside = f.matmul(rows, f.reshape(down, [rank, features]), { transposeB: true }); // [rows, rank]
  const y = f.matmul(drop(inside), f.reshape(up, [out, rank]), { transposeB: true, scale });
  return f.reshape(y, [...x.shape.slice(0, -1), out]);
}

/** A matrix is a kernel of 1×1. */
const asKernel = (x: Value): Value =>
  x.shape.length === 4 ? x : f.reshape(x, [x.shape[0], x.shape[1], 1, 1]);

/** x [n, in, h, w] → [n, out, h', w'] */
export function convBranch(
  x: Value,
  { down, up, mid, scale, drop = keep }: Branch,
  options: ConvOptions,
): Value {
  const inside = mid
    ? f.conv2d(f.conv2d(x, asKernel(down)), mid, undefined, options)
    : f.conv2d(x, asKernel(down), undefined, options);
  return f.conv2d(f.scale(drop(inside), scale), asKernel(up));
}

/** Whether a layer's kernel looks at more than one pixel. */
export const isSpatial = (shape: Shape): boolean => shape.length === 4 && shape[2] > 1;
