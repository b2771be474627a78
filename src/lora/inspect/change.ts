/**
 * @file ΔW as its kind stores it: a product of thin factors, a Kronecker product, or the matrix itself. Norms, angles
 * and singular values (sizes.ts) come from the stored form, so that full matrices are made only where there is no
 * other way.
 */
import { type Tensor, toMatrix } from '../../engine/index.ts';
import { lohaDelta, lokrDelta } from '../kinds/low-rank.ts';
import { contractCore } from '../kinds/low-rank-factors.ts';
import { columnsOf, type Matrix, type Multiply, matrix, plainProduct, rowsOf } from '../kinds/matrices.ts';
import type { LoraModule, ModuleTensors } from '../kinds/module.ts';
import { scaleOf } from '../kinds/table.ts';
import { columnsOfMatrix, type Rows, rowsOfMatrix } from './inner-products.ts';

/** scale · left·right: `left` [out, r] by its columns, `right` [r, in·area]. */
export interface Product {
  readonly form: 'product';
  readonly scale: number;
  readonly left: Rows;
  readonly right: Rows;
}

export interface Dense {
  readonly form: 'dense';
  readonly matrix: Matrix;
}

/** scale · one ⊗ two */
export interface Kronecker {
  readonly form: 'kronecker';
  readonly scale: number;
  readonly one: Product | Dense;
  readonly two: Product | Dense;
}

/** scale · one ⊙ two, element by element. */
export interface Hadamard {
  readonly form: 'hadamard';
  readonly scale: number;
  readonly one: Product;
  readonly two: Product;
}

export type Change = Product | Dense | Kronecker | Hadamard;

const asMatrix = (tensor: Tensor): Matrix => matrix(rowsOf(tensor), columnsOf(tensor), tensor.data);

const product = (left: Rows, right: Rows, scale = 1): Product => ({ form: 'product', scale, left, right });

export const dense = (rows: number, columns: number, data: Float32Array): Dense => ({
  form: 'dense',
  matrix: matrix(rows, columns, data),
});

const denseOf = (tensor: Tensor): Dense => ({ form: 'dense', matrix: asMatrix(tensor) });
const productOf = (left: Tensor, right: Tensor): Product =>
  product(columnsOfMatrix(asMatrix(left)), rowsOfMatrix(asMatrix(right)));

function loraChange(tensors: ModuleTensors, scale: number): Change {
  const { down, up, mid } = tensors as { down: Tensor; up: Tensor; mid?: Tensor };
  if (!mid) return { ...productOf(up, down), scale };
  const inside = contractCore(toMatrix(down), mid);
  return product(columnsOfMatrix(asMatrix(up)), rowsOfMatrix(inside), scale);
}

/** Up to this many products of rows, LoHa is one product. */
const mostPairs = 64;
/** Above this rank, and for small layers, the matrix of LoHa is cheaper than the products of its rows. */
const mostHadamardRank = 32;
const smallLayer = 2 ** 16;

/** (a·b) ⊙ (c·d) is a product too, of all pairs of columns and all pairs of rows. */
function pairs(a: Rows, c: Rows): Rows {
  const n = a.columns;
  const data = new Float64Array(Math.ceil((a.rows * c.rows) / 4) * 4 * n);
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < c.rows; j++)
      for (let k = 0; k < n; k++) data[(i * c.rows + j) * n + k] = a.data[i * n + k] * c.data[j * n + k];
  return { rows: a.rows * c.rows, columns: n, data };
}

async function lohaChange(tensors: ModuleTensors, scale: number, multiply: Multiply): Promise<Change> {
  const { hada_w1_a, hada_w1_b, hada_w2_a, hada_w2_b, hada_t1, hada_t2 } = tensors as Record<string, Tensor>;
  const isTucker = hada_t1 !== undefined || hada_t2 !== undefined;
  const ranks = [rowsOf(hada_w1_b), rowsOf(hada_w2_b)];
  if (!isTucker && Math.max(...ranks) <= mostHadamardRank) {
    const [one, two] = [productOf(hada_w1_a, hada_w1_b), productOf(hada_w2_a, hada_w2_b)];
    if (ranks[0] * ranks[1] <= mostPairs)
      return product(pairs(one.left, two.left), pairs(one.right, two.right), scale);
    if (one.left.columns * one.right.columns > smallLayer) return { form: 'hadamard', scale, one, two };
  }
  const out = isTucker ? columnsOf(hada_w1_a) : rowsOf(hada_w1_a);
  const data = await lohaDelta(tensors, scale, multiply);
  return dense(out, data.length / out, data);
}

const one1 = { shape: [1, 1], data: Float32Array.of(1) };

async function lokrChange(tensors: ModuleTensors, scale: number, multiply: Multiply): Promise<Change> {
  const { lokr_w1, lokr_w1_a, lokr_w1_b, lokr_w2, lokr_w2_a, lokr_w2_b, lokr_t2 } = tensors as Record<
    string,
    Tensor
  >;
  const one = lokr_w1 ? denseOf(lokr_w1) : productOf(lokr_w1_a, lokr_w1_b);
  if (!lokr_t2) {
    const two = lokr_w2 ? denseOf(lokr_w2) : productOf(lokr_w2_a, lokr_w2_b);
    return { form: 'kronecker', scale, one, two };
  }
  // The second factor is what a LoKr whose first factor is 1 would be.
  const rows = columnsOf(lokr_w2_a);
  const rebuilt = await lokrDelta({ lokr_w1: one1, lokr_w2_a, lokr_w2_b, lokr_t2 }, 1, multiply);
  return { form: 'kronecker', scale, one, two: dense(rows, rebuilt.length / rows, rebuilt) };
}

/**
 * ΔW of the weight at strength 1, as far as the tensors of a module tell it: with magnitudes, of the factors alone.
 * Undefined for modules without a weight of their own, and for kinds that only multiply the base.
 */
export async function changeOf(
  module: LoraModule,
  multiply: Multiply = plainProduct,
): Promise<Change | undefined> {
  const { kind, tensors } = module;
  switch (kind) {
    case 'lora':
      return loraChange(tensors, scaleOf(module));
    case 'loha':
      return lohaChange(tensors, scaleOf(module), multiply);
    case 'lokr':
      return lokrChange(tensors, scaleOf(module), multiply);
    case 'full':
      return tensors.diff && denseOf(tensors.diff);
    case 'norm':
      return tensors.w_norm && denseOf(tensors.w_norm);
    default:
      return undefined;
  }
}

export function sizeOf(change: Change): { rows: number; columns: number } {
  if (change.form === 'dense') return change.matrix;
  if (change.form === 'product') return { rows: change.left.columns, columns: change.right.columns };
  if (change.form === 'hadamard') return sizeOf(change.one);
  const [one, two] = [sizeOf(change.one), sizeOf(change.two)];
  return { rows: one.rows * two.rows, columns: one.columns * two.columns };
}
