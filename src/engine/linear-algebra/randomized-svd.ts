/**
 * @file The first singular values and vectors of a large matrix, from products with few vectors: the randomized range
 * finder of Halko, Martinsson & Tropp (2011, algorithms 4.3 and 4.4), which keeps the blocks of all its power
 * iterations (Musco & Musco 2015, block Krylov). Where singular values hardly decay, as in the difference of two
 * trained models, that finds in a few passes what the last block alone would need dozens for.
 */
import { randomStream } from '../tensor/random.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { orthogonalizeRows } from './jacobi.ts';
import {
  energyOf,
  firstRows,
  gram,
  identity,
  innerProducts,
  type Matrix,
  matrix,
  multiply,
  rowsOf,
  stackRows,
  subtract,
  toMatrix,
  toTensor,
} from './matrix.ts';
import { orthonormalRows } from './orthonormal-rows.ts';
import type { Products } from './products.ts';
import { normalizeRows, type Svd, svd, truncate } from './svd.ts';

export interface RandomizedOptions {
  readonly products: Products;
  /** The same seed gives the same vectors. */
  readonly seed?: number;
  /** ‖A‖², where it is known already. */
  readonly energy?: number;
}

export interface PartialSvd extends Svd {
  /** ‖A‖², of all singular values together, exact. */
  readonly energy: number;
}

/** Power iterations; with a block of half the rank, 8 leave a flat spectrum within 0.1 % of the best error. */
const iterations = 8;
const smallestBlock = 4;

/** A matrix as what it does to rows: [b, short] → [b, long] and back. */
interface Operator {
  readonly short: number;
  readonly long: number;
  forward(rows: Matrix): Promise<Matrix>;
  back(rows: Matrix): Promise<Matrix>;
}

function operatorOf(a: Tensor, products: Products): Operator {
  const [rows, columns] = a.shape;
  const times =
    (transposeB: boolean) =>
    async (x: Matrix): Promise<Matrix> =>
      toMatrix(await products.multiply(toTensor(x), a, { transposeB }));
  const isTall = rows > columns;
  return {
    short: Math.min(rows, columns),
    long: Math.max(rows, columns),
    forward: times(isTall),
    back: times(!isTall),
  };
}

/** What is left of a row below this part of it is rounding of float32 products. */
const noise = 1e-6;

/** A row that is shorter than this part of what it was has lost digits. */
const vanished = 0.1;

const lengthsOf = (m: Matrix): number[] =>
  Array.from({ length: m.rows }, (_, i) => Math.sqrt(energyOf(rowsOf(m, i, i + 1).data)));

/** The orthonormal rows of what `block` has beside the orthonormal rows of `basis`; fewer where it has little else. */
function newDirections(block: Matrix, basis: Matrix | undefined): Matrix {
  const lengths = lengthsOf(block);
  const project = (): void => {
    if (basis) subtract(block, multiply(innerProducts(block, basis), basis));
  };
  project();
  // What is left of a row that nearly vanished is not orthogonal to the last bits; twice is enough (Giraud et al. 2005).
  if (lengthsOf(block).some((length, i) => length < vanished * lengths[i])) project();
  const { l, q } = orthonormalRows(block);
  const rows = lengths.flatMap((length, i) =>
    i < q.rows && Math.abs(l.data[i * l.columns + i]) > noise * length ? [rowsOf(q, i, i + 1)] : [],
  );
  return stackRows(rows, q.columns);
}

/** Orthonormal rows [l, short] that nearly hold the first `rank` singular vectors of the short side. */
async function findRange(a: Operator, rank: number, seed: number): Promise<Matrix> {
  const block = Math.max(smallestBlock, Math.ceil(rank / 2));
  const wanted = block * (iterations + 1);
  if (wanted >= a.short) return identity(a.short);
  const start = matrix(block, a.long);
  const { normal } = randomStream(seed, 'range finder');
  for (let i = 0; i < start.data.length; i++) start.data[i] = normal();
  let latest = newDirections(await a.back(start), undefined);
  let basis = latest;
  // Blocks become smaller where directions are known to the last bit; the others get more iterations then.
  while (basis.rows < wanted && latest.rows > 0) {
    latest = newDirections(await a.back(await a.forward(latest)), basis);
    basis = stackRows([basis, latest]);
  }
  return basis;
}

/** Eigenvectors of float32 products need no more; it saves a sweep. */
const eigenTolerance = 1e-12;

/** The rows of `range` turned so that the first hold most of A, and what A makes of them: [k, short] and [k, long]. */
async function turnRange(a: Operator, range: Matrix, rank: number): Promise<{ short: Matrix; long: Matrix }> {
  const image = await a.forward(range);
  // Rotations that make the symmetric matrix diagonal leave the eigenvectors, times the eigenvalues, in its rows.
  const products = gram(image);
  orthogonalizeRows(products, [], eigenTolerance);
  const turns = firstRows(normalizeRows(products).rows, Math.min(rank, range.rows));
  return { short: multiply(turns, range), long: multiply(turns, image) };
}

/** The first `rank` singular values and vectors of a matrix [m, n] (fewer where it has fewer). */
export async function randomizedSvd(
  a: Tensor,
  rank: number,
  { products, seed = 0, energy = energyOf(a.data) }: RandomizedOptions,
): Promise<PartialSvd> {
  const operator = operatorOf(a, products);
  const range = await findRange(operator, rank, seed);
  const { short, long } = await turnRange(operator, range, rank);
  // A ≈ shortᵀ·long; long = L·q gives singular vectors that are orthonormal to the last bits.
  const { l, q } = orthonormalRows(long);
  const inner = svd(l);
  const found = { values: inner.values, left: multiply(inner.left, short), right: multiply(inner.right, q) };
  const isTall = a.shape[0] > a.shape[1];
  return { ...(isTall ? { ...found, left: found.right, right: found.left } : found), energy };
}

/** The smallest rank whose first singular values hold `share` of `energy`; undefined where all of them do not. */
export function rankForEnergy(values: Float64Array, energy: number, share: number): number | undefined {
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    sum += values[i] * values[i];
    if (sum >= share * energy) return i + 1;
  }
  return undefined;
}

const firstGuess = 8;

export interface EnergyOptions extends RandomizedOptions {
  /** Of ‖A‖², to keep: 0.95. */
  readonly share: number;
  readonly maxRank: number;
}

/** As many singular values and vectors as hold a share of ‖A‖², or `maxRank`. */
export async function randomizedSvdToEnergy(a: Tensor, options: EnergyOptions): Promise<PartialSvd> {
  const { share, maxRank } = options;
  const most = Math.min(maxRank, ...a.shape);
  for (let rank = Math.min(firstGuess, most); ; rank = Math.min(2 * rank, most)) {
    const found = await randomizedSvd(a, rank, options);
    const enough = rankForEnergy(found.values, found.energy, share);
    if (enough !== undefined) return { ...truncate(found, enough), energy: found.energy };
    if (rank === most) return found;
  }
}
