/** @file Singular value decompositions of small matrices, and of products of thin ones, in float64. */
import { orthogonalizeRows } from './jacobi.ts';
import { energyOf, firstRows, identity, type Matrix, matrix, multiply, transposeMatrix } from './matrix.ts';
import { orthonormalRows } from './orthonormal-rows.ts';

/** A = Σ valuesᵢ · leftᵢᵀ · rightᵢ, largest first; the rows of `left` and of `right` are orthonormal. */
export interface Svd {
  readonly values: Float64Array;
  /** [k, rows of A] */
  readonly left: Matrix;
  /** [k, columns of A] */
  readonly right: Matrix;
}

/** Singular values below this part of the largest are rounding errors. */
const noise = 4 * Number.EPSILON;

const rowOf = ({ columns, data }: Matrix, row: number): Float64Array =>
  data.subarray(row * columns, (row + 1) * columns);

/** Rows after the first `count` become unit vectors that are orthogonal to all others. */
function completeRows(m: Matrix, count: number): Matrix {
  if (count === m.rows) return m;
  const known = matrix(m.rows, m.columns);
  known.data.set(m.data.subarray(0, count * m.columns));
  const { q } = orthonormalRows(known);
  q.data.set(known.data.subarray(0, count * m.columns));
  return q;
}

/** Norms of orthogonal rows, longest first, and the rows at length 1. What is only rounding counts as 0. */
export function normalizeRows(m: Matrix): { values: Float64Array; rows: Matrix } {
  const values = Float64Array.from({ length: m.rows }, (_, i) => Math.sqrt(energyOf(rowOf(m, i))));
  const count = values.filter(length => length > noise * values[0]).length;
  values.fill(0, count);
  for (let i = 0; i < count; i++) {
    const row = rowOf(m, i);
    for (let k = 0; k < row.length; k++) row[k] /= values[i];
  }
  return { values, rows: completeRows(m, count) };
}

const flipped = ({ values, left, right }: Svd): Svd => ({ values, left: right, right: left });

/** The whole decomposition of a matrix with up to some hundred rows or columns, by one-sided Jacobi. */
export function svd(a: Matrix): Svd {
  if (a.rows > a.columns) return flipped(svd(transposeMatrix(a)));
  // A = L·Q, and L = Σ σᵢ·xᵢᵀ·wᵢ from rotations W of the rows of Lᵀ: W·Lᵀ = Σ·X.
  const { l, q } = orthonormalRows(a);
  const turned = transposeMatrix(l);
  const rotations = identity(l.rows);
  orthogonalizeRows(turned, [rotations]);
  const { values, rows } = normalizeRows(turned);
  return { values, left: rows, right: multiply(rotations, q) };
}

/** The decomposition of up·down without making the product. up [m, r], down [r, n] → min(r, m, n) values */
export function svdOfProduct(up: Matrix, down: Matrix): Svd {
  const outer = orthonormalRows(transposeMatrix(up));
  const inner = orthonormalRows(down);
  const core = svd(multiply(transposeMatrix(outer.l), inner.l));
  return {
    values: core.values,
    left: multiply(core.left, outer.q),
    right: multiply(core.right, inner.q),
  };
}

/** The first `rank` singular values and vectors. */
export function truncate({ values, left, right }: Svd, rank: number): Svd {
  return { values: values.subarray(0, rank), left: firstRows(left, rank), right: firstRows(right, rank) };
}
