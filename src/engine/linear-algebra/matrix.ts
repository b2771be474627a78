/** @file Matrices in float64, for what products on the runtime are too coarse or too small for. */
import type { Shape, Tensor } from '../tensor/tensor.ts';

/** Row-major. The vectors that algorithms here work on are rows, so that each lies in one piece of memory. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

export function matrix(
  rows: number,
  columns: number,
  data: Float64Array = new Float64Array(rows * columns),
): Matrix {
  if (data.length !== rows * columns)
    throw new RangeError(
      `a matrix [${rows}, ${columns}] needs ${rows * columns} numbers, got ${data.length}`,
    );
  return { rows, columns, data };
}

export function identity(size: number): Matrix {
  const out = matrix(size, size);
  for (let i = 0; i < size; i++) out.data[i * size + i] = 1;
  return out;
}

/** A tensor as a matrix: its first axis against all others. [out, in, k, k] → [out, in·k·k] */
export function toMatrix({ shape, data }: Tensor): Matrix {
  const rows = shape[0] ?? 1;
  return matrix(rows, data.length / rows || 0, Float64Array.from(data));
}

/** Rounds to float32. */
export function toTensor({ rows, columns, data }: Matrix, shape: Shape = [rows, columns]): Tensor {
  return { shape, data: Float32Array.from(data) };
}

export function transposeMatrix({ rows, columns, data }: Matrix): Matrix {
  const out = new Float64Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j];
  return matrix(columns, rows, out);
}

/** Rows `from` … `to`-1, in place. */
export function rowsOf({ columns, data }: Matrix, from: number, to: number): Matrix {
  return matrix(to - from, columns, data.subarray(from * columns, to * columns));
}

export const firstRows = (m: Matrix, count: number): Matrix => rowsOf(m, 0, count);

/** a ← a − b */
export function subtract(a: Matrix, b: Matrix): void {
  for (let i = 0; i < a.data.length; i++) a.data[i] -= b.data[i];
}

/** Rows of all, one below the other. */
export function stackRows(matrices: readonly Matrix[], columns = matrices[0].columns): Matrix {
  const rows = matrices.reduce((sum, m) => sum + m.rows, 0);
  const out = matrix(rows, columns);
  let start = 0;
  for (const { data } of matrices) {
    out.data.set(data, start);
    start += data.length;
  }
  return out;
}

/** out ← out + Σ f·row, for four rows of b that follow each other from `at` on. */
function addFourRows(out: Float64Array, start: number, b: Matrix, at: number, factors: Float64Array): void {
  const { data, columns } = b;
  const [f0, f1, f2, f3] = factors;
  const [b1, b2, b3] = [at + columns, at + 2 * columns, at + 3 * columns];
  for (let j = 0; j < columns; j++)
    out[start + j] += f0 * data[at + j] + f1 * data[b1 + j] + f2 * data[b2 + j] + f3 * data[b3 + j];
}

/** a·b. Four rows of b at a time: each element of the result is then loaded and stored a quarter as often. */
export function multiply(a: Matrix, b: Matrix): Matrix {
  if (a.columns !== b.rows) throw new RangeError(`[${a.rows}, ${a.columns}]·[${b.rows}, ${b.columns}]`);
  const width = b.columns;
  const out = matrix(a.rows, width);
  const blocks = b.rows - (b.rows % 4);
  for (let i = 0; i < a.rows; i++) {
    const factors = a.data.subarray(i * a.columns, (i + 1) * a.columns);
    for (let k = 0; k < blocks; k += 4)
      addFourRows(out.data, i * width, b, k * width, factors.subarray(k, k + 4));
    for (let k = blocks; k < b.rows; k++)
      for (let j = 0; j < width; j++) out.data[i * width + j] += factors[k] * b.data[k * width + j];
  }
  return out;
}

/** Four inner products at once, of the rows at `a0` and `a1` with those at `b0` and `b1`: thrice as fast as one by one. */
function fourProducts(
  a: Float64Array,
  [a0, a1]: readonly [number, number],
  b: Float64Array,
  [b0, b1]: readonly [number, number],
  length: number,
): readonly [number, number, number, number] {
  let s00 = 0;
  let s01 = 0;
  let s10 = 0;
  let s11 = 0;
  for (let x = 0; x < length; x++) {
    const p = a[a0 + x];
    const q = a[a1 + x];
    const r = b[b0 + x];
    const s = b[b1 + x];
    s00 += p * r;
    s01 += p * s;
    s10 += q * r;
    s11 += q * s;
  }
  return [s00, s01, s10, s11];
}

/** a·bᵀ: the inner products of all rows of a with all of b; of half of them where both are the same. */
export function innerProducts(a: Matrix, b: Matrix): Matrix {
  const { columns } = a;
  const out = matrix(a.rows, b.rows);
  const isSame = a === b;
  const put = (i: number, j: number, value: number): void => {
    if (i >= a.rows || j >= b.rows) return;
    out.data[i * b.rows + j] = value;
    if (isSame) out.data[j * b.rows + i] = value;
  };
  // The last row of an odd number is paired with itself.
  const pair = (m: Matrix, i: number): [number, number] => [
    i * columns,
    Math.min(i + 1, m.rows - 1) * columns,
  ];
  for (let i = 0; i < a.rows; i += 2) {
    for (let j = 0; j < (isSame ? i + 1 : b.rows); j += 2) {
      const [s00, s01, s10, s11] = fourProducts(a.data, pair(a, i), b.data, pair(b, j), columns);
      put(i, j, s00);
      put(i, j + 1, s01);
      put(i + 1, j, s10);
      put(i + 1, j + 1, s11);
    }
  }
  return out;
}

/** m·mᵀ */
export const gram = (m: Matrix): Matrix => innerProducts(m, m);

/** ‖x‖², summed in float64, four sums side by side. */
export function energyOf(x: Float32Array | Float64Array): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 4 <= x.length; i += 4) {
    s0 += x[i] * x[i];
    s1 += x[i + 1] * x[i + 1];
    s2 += x[i + 2] * x[i + 2];
    s3 += x[i + 3] * x[i + 3];
  }
  for (; i < x.length; i++) s0 += x[i] * x[i];
  return s0 + s1 + s2 + s3;
}
