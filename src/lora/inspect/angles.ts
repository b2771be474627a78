/** @file Norms, inner product and distance of two modules' ΔW, out of the forms in which they are stored. */

import { kronecker } from '../kinds/low-rank.ts';
import type { Multiply } from '../kinds/matrices.ts';
import { matrix } from '../kinds/matrices.ts';
import {
  type Change,
  type Dense,
  dense,
  type Hadamard,
  type Kronecker,
  type Product,
  sizeOf,
} from './change.ts';
import { dot, type Rows, rowProducts } from './inner-products.ts';
import { squaredNorm } from './sizes.ts';

const narrow = ({ data, rows, columns }: Rows): Float32Array =>
  Float32Array.from(data.subarray(0, rows * columns));

function expandProduct({ left, right, scale }: Product, multiply: Multiply) {
  const tall = new Float32Array(left.rows * left.columns);
  for (let i = 0; i < left.rows; i++)
    for (let k = 0; k < left.columns; k++) tall[k * left.rows + i] = scale * left.data[i * left.columns + k];
  return multiply(matrix(left.columns, left.rows, tall), matrix(right.rows, right.columns, narrow(right)));
}

async function expandKronecker({ one, two, scale }: Kronecker, multiply: Multiply): Promise<Float32Array> {
  const [a, b] = [(await expand(one, multiply)).matrix, (await expand(two, multiply)).matrix];
  return kronecker(a, b, scale);
}

async function expandHadamard({ one, two, scale }: Hadamard, multiply: Multiply): Promise<Float32Array> {
  const [a, b] = [await expandProduct(one, multiply), await expandProduct(two, multiply)];
  return a.map((x, i) => scale * x * b[i]);
}

/** The full matrix. */
export async function expand(change: Change, multiply: Multiply): Promise<Dense> {
  if (change.form === 'dense') return change;
  const { rows, columns } = sizeOf(change);
  switch (change.form) {
    case 'product':
      return dense(rows, columns, await expandProduct(change, multiply));
    case 'kronecker':
      return dense(rows, columns, await expandKronecker(change, multiply));
    case 'hadamard':
      return dense(rows, columns, await expandHadamard(change, multiply));
  }
}

/** Forms whose products are summed in float64. */
export type Measurable = Exclude<Change, Hadamard>;

/** Sums over one or more pairs of changes; from them follow norms, distance and angle. */
export interface Overlap {
  /** ‖A‖² */
  readonly mine: number;
  /** ‖B‖² */
  readonly theirs: number;
  /** ⟨A, B⟩ */
  readonly inner: number;
  /** ‖A − B‖² */
  readonly apart: number;
}

const sameSize = (a: Change, b: Change): boolean => {
  const [one, two] = [sizeOf(a), sizeOf(b)];
  return one.rows === two.rows && one.columns === two.columns;
};

/** ⟨A, B⟩ from the stored forms; undefined where they are of different forms. */
function storedInner(a: Measurable, b: Measurable): number | undefined {
  if (a.form === 'product' && b.form === 'product') {
    // ⟨L·R, M·S⟩ = Σ (LᵀM) ⊙ (R·Sᵀ)
    const [left, right] = [rowProducts(a.left, b.left), rowProducts(a.right, b.right)];
    return a.scale * b.scale * dot(left.data, right.data);
  }
  if (a.form === 'dense' && b.form === 'dense') return dot(a.matrix.data, b.matrix.data);
  if (a.form !== 'kronecker' || b.form !== 'kronecker' || !sameSize(a.one, b.one)) return undefined;
  const [one, two] = [storedInner(a.one, b.one), storedInner(a.two, b.two)];
  return one === undefined || two === undefined ? undefined : a.scale * b.scale * one * two;
}

function denseOverlap({ matrix: a }: Dense, { matrix: b }: Dense): Overlap {
  let [mine, theirs, inner, apart] = [0, 0, 0, 0];
  for (let i = 0; i < a.data.length; i++) {
    const [x, y] = [a.data[i], b.data[i]];
    mine += x * x;
    theirs += y * y;
    inner += x * y;
    apart += (x - y) * (x - y);
  }
  return { mine, theirs, inner, apart };
}

/**
 * Two changes of one size. What is stored in one form is compared in it; else both are made full, so that all four
 * sums are of the same rounded numbers.
 */
export async function overlapOf(a: Measurable, b: Measurable, multiply: Multiply): Promise<Overlap> {
  const inner = a.form === 'dense' ? undefined : storedInner(a, b);
  if (inner === undefined) return denseOverlap(await expand(a, multiply), await expand(b, multiply));
  const [mine, theirs] = [squaredNorm(a), squaredNorm(b)];
  return { mine, theirs, inner, apart: Math.max(0, mine + theirs - 2 * inner) };
}
