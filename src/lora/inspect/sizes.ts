/** @file How large ΔW is and in which directions: norms and singular values, out of the form in which it is stored. */
import { type Change, type Dense, type Kronecker, type Product, sizeOf } from './change.ts';
import { symmetricEigenvalues } from './eigenvalues.ts';
import { columnsOfMatrix, dot, rowProducts, rowsOfMatrix } from './inner-products.ts';

export interface Extents {
  /** ‖ΔW‖² */
  readonly squaredNorm: number;
  /** Largest first; undefined for full matrices that are too large. */
  readonly singularValues: Float64Array | undefined;
}

/** Lower triangle C with C·Cᵀ = A for A without negative eigenvalues; columns without weight are 0. */
function choleskyFactor(a: Float64Array, n: number): Float64Array {
  const factor = new Float64Array(n * n);
  const smallest = a.reduce((most, x) => Math.max(most, Math.abs(x)), 0) * n * Number.EPSILON;
  for (let j = 0; j < n; j++) {
    let pivot = a[j * n + j];
    for (let k = 0; k < j; k++) pivot -= factor[j * n + k] ** 2;
    if (pivot <= smallest) continue;
    const root = Math.sqrt(pivot);
    factor[j * n + j] = root;
    for (let i = j + 1; i < n; i++) {
      let sum = a[i * n + j];
      for (let k = 0; k < j; k++) sum -= factor[i * n + k] * factor[j * n + k];
      factor[i * n + j] = sum / root;
    }
  }
  return factor;
}

/** Cᵀ·A·C for a lower triangle C. */
function squeezed(a: Float64Array, factor: Float64Array, n: number): Float64Array {
  const half = new Float64Array(n * n); // A·C
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) {
      const x = a[i * n + k];
      for (let j = 0; j <= k; j++) half[i * n + j] += x * factor[k * n + j];
    }
  const whole = new Float64Array(n * n);
  for (let k = 0; k < n; k++)
    for (let i = 0; i <= k; i++) {
      const x = factor[k * n + i];
      for (let j = 0; j < n; j++) whole[i * n + j] += x * half[k * n + j];
    }
  return whole;
}

const root = (x: number): number => Math.sqrt(Math.max(0, x));

/**
 * With LᵀL = C·Cᵀ the singular values of L·R are the roots of the eigenvalues of Cᵀ·RRᵀ·C; ‖L·R‖² = tr(LᵀL·RRᵀ). No
 * matrix larger than the rank is made.
 */
function productExtents({ left, right, scale }: Product): Extents {
  const n = left.rows;
  const [outer, inner] = [rowProducts(left, left).data, rowProducts(right, right).data];
  const values = symmetricEigenvalues(squeezed(inner, choleskyFactor(outer, n), n), n);
  return {
    squaredNorm: scale ** 2 * Math.max(0, dot(outer, inner)),
    singularValues: values
      .subarray(0, Math.min(n, left.columns, right.columns))
      .map(x => Math.abs(scale) * root(x)),
  };
}

/** Above this the eigenvalues of a full matrix take too long for what they tell. */
const mostDenseRows = 320;

function denseExtents({ matrix }: Dense): Extents {
  const squaredNorm = dot(matrix.data, matrix.data);
  if (Math.min(matrix.rows, matrix.columns) > mostDenseRows)
    return { squaredNorm, singularValues: undefined };
  const rows = matrix.columns > matrix.rows ? rowsOfMatrix(matrix) : columnsOfMatrix(matrix);
  const values = symmetricEigenvalues(rowProducts(rows, rows).data, rows.rows);
  return { squaredNorm, singularValues: values.map(root) };
}

/** The singular values of a Kronecker product are all products of those of its factors (Van Loan 2000). */
function kroneckerExtents(change: Kronecker): Extents {
  const scale = Math.abs(change.scale);
  const [a, b] = [extentsOf(change.one), extentsOf(change.two)];
  const squaredNorm = scale ** 2 * a.squaredNorm * b.squaredNorm;
  const [one, two] = [a.singularValues, b.singularValues];
  if (!one || !two) return { squaredNorm, singularValues: undefined };
  const { rows, columns } = sizeOf(change);
  const all = Float64Array.from({ length: one.length * two.length }, (_, at) => {
    return scale * one[Math.floor(at / two.length)] * two[at % two.length];
  });
  return { squaredNorm, singularValues: all.sort((x, y) => y - x).subarray(0, Math.min(rows, columns)) };
}

export function extentsOf(change: Change): Extents {
  if (change.form === 'product') return productExtents(change);
  return change.form === 'dense' ? denseExtents(change) : kroneckerExtents(change);
}

/** ‖ΔW‖² alone. */
export function squaredNorm(change: Change): number {
  if (change.form === 'dense') return dot(change.matrix.data, change.matrix.data);
  if (change.form === 'kronecker')
    return change.scale ** 2 * squaredNorm(change.one) * squaredNorm(change.two);
  const [outer, inner] = [rowProducts(change.left, change.left), rowProducts(change.right, change.right)];
  return change.scale ** 2 * Math.max(0, dot(outer.data, inner.data));
}
