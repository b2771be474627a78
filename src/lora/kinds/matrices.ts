/** @file Matrices as kinds multiply them, and the layers that they are for. */
import type { Shape } from '../../engine/index.ts';

/** Rows one after the other. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float32Array;
}

/** a·b, rows one after the other. */
export type Multiply = (a: Matrix, b: Matrix) => Promise<Float32Array> | Float32Array;

export const matrix = (rows: number, columns: number, data: Float32Array): Matrix => ({
  rows,
  columns,
  data,
});

/** A product in plain loops, summed in float64; for small matrices and for tests. */
export function plainProduct(a: Matrix, b: Matrix): Float32Array {
  const out = new Float32Array(a.rows * b.columns);
  const row = new Float64Array(b.columns);
  for (let i = 0; i < a.rows; i++) {
    row.fill(0);
    for (let k = 0; k < a.columns; k++) {
      const factor = a.data[i * a.columns + k];
      if (factor === 0) continue;
      const start = k * b.columns;
      for (let j = 0; j < b.columns; j++) row[j] += factor * b.data[start + j];
    }
    out.set(row, i * b.columns);
  }
  return out;
}

export function transpose({ rows, columns, data }: Matrix): Matrix {
  const out = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j];
  return matrix(columns, rows, out);
}

export const scaled = (data: Float32Array, factor: number): Float32Array =>
  factor === 1 ? data : data.map(x => x * factor);

/** A layer's weight as a matrix: [out, in·area]. A norm has outputs only, so `inside` is 1. */
export interface LayerSize {
  readonly out: number;
  readonly inside: number;
  /** Of the kernel: 1 for linear layers, 9 for 3×3. */
  readonly area: number;
  readonly isNorm: boolean;
}

export function layerSize(shape: Shape): LayerSize {
  const [out, inside = 1, ...kernel] = shape;
  return { out, inside, area: kernel.reduce((a, b) => a * b, 1), isNorm: shape.length === 1 };
}

export const rowsOf = ({ shape }: { readonly shape: Shape }): number => shape[0] ?? 1;

/** All but the first axis as one: a linear layer and a 1×1 convolution look alike. */
export const columnsOf = ({ shape }: { readonly shape: Shape }): number =>
  shape.slice(1).reduce((a, b) => a * b, 1);
