/** @file A low-rank module as two matrices, and two matrices as a module. */
import {
  type Matrix,
  matrix,
  multiply,
  type Shape,
  type Svd,
  type Tensor,
  toMatrix,
  toTensor,
  transposeMatrix,
  truncate,
} from '../../engine/index.ts';
import type { LoraModule, ModuleTensors } from './module.ts';

export interface Factors {
  /** [out, rank] */
  readonly up: Matrix;
  /** [rank, in·k·k] */
  readonly down: Matrix;
}

/** [r, r, k, k] → [k·k·r, r]: for each place of the kernel, a matrix from the inner rank to the outer. */
function coreByPlace({ shape: [outer, inner], data }: Tensor): Matrix {
  const area = data.length / (outer * inner);
  const out = matrix(area * outer, inner);
  for (let m = 0; m < outer; m++)
    for (let n = 0; n < inner; n++)
      for (let k = 0; k < area; k++) out.data[(k * outer + m) * inner + n] = data[(m * inner + n) * area + k];
  return out;
}

/** Tucker's core contracted into down: [r, in] and [r, r, k, k] → [r, in·k·k] */
export function contractCore(down: Matrix, mid: Tensor): Matrix {
  const [outer] = mid.shape;
  const { columns } = down;
  const byPlace = multiply(coreByPlace(mid), down);
  const area = byPlace.rows / outer;
  const out = matrix(outer, columns * area);
  for (let k = 0; k < area; k++)
    for (let m = 0; m < outer; m++)
      for (let i = 0; i < columns; i++)
        out.data[(m * columns + i) * area + k] = byPlace.data[(k * outer + m) * columns + i];
  return out;
}

/** up·down of a `lora` module, without alpha/rank. */
export function factorsOf({ tensors }: LoraModule): Factors {
  const { up, down, mid } = tensors as { up: Tensor; down: Tensor; mid?: Tensor };
  const inner = toMatrix(down);
  return { up: toMatrix(up), down: mid ? contractCore(inner, mid) : inner };
}

/** [out, in] or [out, in, k, k] of the layer of a `lora` module. */
export function layerShape({ tensors: { up, down, mid } }: LoraModule): Shape {
  const [out] = (up as Tensor).shape;
  const [, inside, ...kernel] = (down as Tensor).shape;
  return [out, inside, ...(mid ? mid.shape.slice(2) : kernel)];
}

export const isKernelShape = (shape: Shape): boolean => shape.slice(2).some(side => side > 1);

/** Row i of `m` times factors[i]. */
function scaleRows({ rows, columns, data }: Matrix, factors: Float64Array): Matrix {
  const out = data.slice();
  for (let i = 0; i < rows; i++) for (let k = 0; k < columns; k++) out[i * columns + k] *= factors[i];
  return matrix(rows, columns, out);
}

/** Up and down as tensors in the shapes of their layer [out, in(, k, k)]. */
export function factorTensors(
  { up, down }: Factors,
  [out, ...inside]: Shape,
): Required<Pick<ModuleTensors, 'up' | 'down'>> {
  return {
    down: toTensor(down, [down.rows, ...inside]),
    up: toTensor(up, [out, up.columns, ...inside.slice(1).map(() => 1)]),
  };
}

/**
 * The first `rank` singular values as up·down. Each side gets √σ, so that neither has numbers that half floats hold
 * badly.
 */
export function truncatedFactors(whole: Svd, rank: number): Factors {
  const { values, left, right } = truncate(whole, rank);
  const roots = values.map(Math.sqrt);
  return { up: transposeMatrix(scaleRows(left, roots)), down: scaleRows(right, roots) };
}
