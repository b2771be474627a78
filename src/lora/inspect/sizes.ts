/** @file How large ΔW is and in which directions: norms and singular values, out of the form in which it is stored. */
import { type Matrix, type Multiply, matrix, plainProduct, transpose } from '../kinds/matrices.ts';
import { type Change, type Dense, type Hadamard, type Kronecker, type Product, sizeOf } from './change.ts';
import { symmetricEigenvalues } from './eigenvalues.ts';
import { columnsOfMatrix, dot, type Rows, rowProducts, rowsOfMatrix } from './inner-products.ts';

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

/** Products of all pairs of rows, each pair once; `weight` for those of two different rows. */
function rowPairs({ rows, columns, data }: Rows, weight: number): Matrix {
  const out = new Float32Array(((rows * (rows + 1)) / 2) * columns);
  let at = 0;
  for (let i = 0; i < rows; i++)
    for (let k = i; k < rows; k++) {
      const factor = i === k ? 1 : weight;
      for (let n = 0; n < columns; n++) out[at++] = factor * data[i * columns + n] * data[k * columns + n];
    }
  return matrix((rows * (rows + 1)) / 2, columns, out);
}

/**
 * ‖(L·R) ⊙ (M·S)‖² is a sum over pairs i, k of rows of the first and pairs j, l of the second:
 * Σₒ Lᵢ·Lₖ·Mⱼ·Mₗ times Σₙ Rᵢ·Rₖ·Sⱼ·Sₗ. The full matrix is not made.
 */
async function hadamardNorm({ scale, one, two }: Hadamard, multiply: Multiply): Promise<number> {
  const sums = (a: Rows, b: Rows, weight: number) =>
    multiply(rowPairs(a, weight), transpose(rowPairs(b, weight)));
  const outer = await sums(one.left, two.left, 2);
  const inner = await sums(one.right, two.right, 1);
  return scale ** 2 * Math.max(0, dot(outer, inner));
}

/** The singular values of a Kronecker product are all products of those of its factors (Van Loan 2000). */
function kroneckerExtents(change: Kronecker): Extents {
  const scale = Math.abs(change.scale);
  const [a, b] = [change.one, change.two].map(factor =>
    factor.form === 'product' ? productExtents(factor) : denseExtents(factor),
  );
  const squares = scale ** 2 * a.squaredNorm * b.squaredNorm;
  const [one, two] = [a.singularValues, b.singularValues];
  if (!one || !two) return { squaredNorm: squares, singularValues: undefined };
  const { rows, columns } = sizeOf(change);
  const all = Float64Array.from({ length: one.length * two.length }, (_, at) => {
    return scale * one[Math.floor(at / two.length)] * two[at % two.length];
  });
  const sorted = all.sort((x, y) => y - x);
  return { squaredNorm: squares, singularValues: sorted.subarray(0, Math.min(rows, columns)) };
}

export async function extentsOf(change: Change, multiply: Multiply = plainProduct): Promise<Extents> {
  switch (change.form) {
    case 'product':
      return productExtents(change);
    case 'dense':
      return denseExtents(change);
    case 'kronecker':
      return kroneckerExtents(change);
    case 'hadamard':
      return { squaredNorm: await hadamardNorm(change, multiply), singularValues: undefined };
  }
}

/** ‖ΔW‖² alone, of forms whose rounding is that of float64. */
export function squaredNorm(change: Exclude<Change, Hadamard>): number {
  if (change.form === 'dense') return dot(change.matrix.data, change.matrix.data);
  if (change.form === 'kronecker')
    return change.scale ** 2 * squaredNorm(change.one) * squaredNorm(change.two);
  const [outer, inner] = [rowProducts(change.left, change.left), rowProducts(change.right, change.right)];
  return change.scale ** 2 * Math.max(0, dot(outer.data, inner.data));
}
