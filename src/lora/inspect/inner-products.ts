/** @file Inner products of rows, summed in float64: what norms, angles and singular values of factors are made of. */
import type { Matrix } from '../kinds/matrices.ts';

/** Rows in float64, filled up with rows of 0 to whole tiles. */
export interface Rows {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/** Numbers [rows, columns] in float64. */
export interface Products {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/** Rows of a tile: its sixteen sums stay in registers. */
const tile = 4;

const emptyRows = (rows: number, columns: number): Rows => ({
  rows,
  columns,
  data: new Float64Array(Math.ceil(rows / tile) * tile * columns),
});

export function rowsOfMatrix({ rows, columns, data }: Matrix | Rows): Rows {
  const out = emptyRows(rows, columns);
  out.data.set(data);
  return out;
}

/** The columns of a matrix, as rows. */
export function columnsOfMatrix({ rows, columns, data }: Matrix): Rows {
  const out = emptyRows(columns, rows);
  for (let row = 0, at = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, at++) out.data[column * rows + row] = data[at];
  return out;
}

/** Products of four rows of `a` with four of `b`. */
function tileProducts(a: Rows, b: Rows, i: number, j: number, out: Float64Array): void {
  const n = a.columns;
  const rowOf = ({ data }: Rows, row: number): Float64Array => data.subarray(row * n, (row + 1) * n);
  const [x0, x1, x2, x3] = [rowOf(a, i), rowOf(a, i + 1), rowOf(a, i + 2), rowOf(a, i + 3)];
  const [y0, y1, y2, y3] = [rowOf(b, j), rowOf(b, j + 1), rowOf(b, j + 2), rowOf(b, j + 3)];
  let [s00, s01, s02, s03, s10, s11, s12, s13] = [0, 0, 0, 0, 0, 0, 0, 0];
  let [s20, s21, s22, s23, s30, s31, s32, s33] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let k = 0; k < n; k++) {
    const p0 = x0[k];
    const p1 = x1[k];
    const p2 = x2[k];
    const p3 = x3[k];
    const q0 = y0[k];
    const q1 = y1[k];
    const q2 = y2[k];
    const q3 = y3[k];
    s00 += p0 * q0;
    s01 += p0 * q1;
    s02 += p0 * q2;
    s03 += p0 * q3;
    s10 += p1 * q0;
    s11 += p1 * q1;
    s12 += p1 * q2;
    s13 += p1 * q3;
    s20 += p2 * q0;
    s21 += p2 * q1;
    s22 += p2 * q2;
    s23 += p2 * q3;
    s30 += p3 * q0;
    s31 += p3 * q1;
    s32 += p3 * q2;
    s33 += p3 * q3;
  }
  out.set([s00, s01, s02, s03, s10, s11, s12, s13, s20, s21, s22, s23, s30, s31, s32, s33]);
}

/** a·bᵀ of [m, n] and [p, n]; of rows with themselves only half is computed. */
export function rowProducts(a: Rows, b: Rows): Products {
  const isOwn = a === b;
  const out = new Float64Array(a.rows * b.rows);
  const sums = new Float64Array(tile * tile);
  for (let i = 0; i < a.rows; i += tile)
    for (let j = isOwn ? i : 0; j < b.rows; j += tile) {
      tileProducts(a, b, i, j, sums);
      for (let p = 0; p < tile && i + p < a.rows; p++)
        for (let q = 0; q < tile && j + q < b.rows; q++) {
          out[(i + p) * b.rows + j + q] = sums[p * tile + q];
          if (isOwn) out[(j + q) * b.rows + i + p] = sums[p * tile + q];
        }
    }
  return { rows: a.rows, columns: b.rows, data: out };
}

/** Σ aᵢ·bᵢ */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
