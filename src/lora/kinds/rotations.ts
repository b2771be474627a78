/**
 * @file ΔW of the kinds that rotate the base weight. OFT (Qiu et al. 2023): blocks of outputs, as LyCORIS (diag-oft) and
 * kohya (networks/oft.py) have it, or of inputs, as PEFT does. BOFT (Liu et al. 2024): stages of small blocks in a
 * butterfly. A rotation is made of a skew matrix Q by Cayley's transform (I + Q)(I − Q)⁻¹.
 */
import type { Tensor } from '../../engine/index.ts';
import { columnsOf, type LayerSize, type Multiply, matrix, rowsOf } from './matrices.ts';
import type { LoraModule, ModuleTensors } from './module.ts';

/** Square matrices [n, n], rows one after the other. */
type Square = Float64Array;

/** X of X·A = B, by elimination with pivots on Aᵀ·Xᵀ = Bᵀ. */
function solveRight(b: Square, a: Square, n: number): Square {
  const left = Float64Array.from(a, (_, at) => a[(at % n) * n + Math.floor(at / n)]);
  const right = Float64Array.from(b, (_, at) => b[(at % n) * n + Math.floor(at / n)]);
  const swapRows = (of: Square, i: number, j: number): void => {
    for (let k = 0; k < n; k++) [of[i * n + k], of[j * n + k]] = [of[j * n + k], of[i * n + k]];
  };
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let row = column + 1; row < n; row++)
      if (Math.abs(left[row * n + column]) > Math.abs(left[pivot * n + column])) pivot = row;
    if (pivot !== column) for (const matrix of [left, right]) swapRows(matrix, pivot, column);
    for (let row = 0; row < n; row++) {
      if (row === column) continue;
      const factor = left[row * n + column] / left[column * n + column];
      if (factor === 0) continue;
      for (let k = column; k < n; k++) left[row * n + k] -= factor * left[column * n + k];
      for (let k = 0; k < n; k++) right[row * n + k] -= factor * right[column * n + k];
    }
  }
  return Float64Array.from(right, (_, at) => {
    const [row, column] = [Math.floor(at / n), at % n];
    return right[column * n + row] / left[column * n + column];
  });
}

function squareProduct(a: Square, b: Square, n: number): Square {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) for (let j = 0; j < n; j++) out[i * n + j] += a[i * n + k] * b[k * n + j];
  return out;
}

/** (I + Q)(I − Q)⁻¹ − I = 2·Q·(I − Q)⁻¹: what the rotation changes, without the rounding of a difference. */
function cayley(q: Square, n: number): Square {
  const minus = q.map((x, at) => (at % (n + 1) === 0 ? 1 : 0) - x);
  return solveRight(
    q.map(x => 2 * x),
    minus,
    n,
  );
}

/** PEFT's series in place of the inverse: 2Q + 2Q² + … + Qᵗ⁻¹ for t terms, where 3 are 4 (oft/layer.py, _cayley_batch). */
function cayleySeries(q: Square, n: number, terms: number): Square {
  const last = (terms === 3 ? 4 : terms) - 1;
  const sum = new Float64Array(n * n);
  let power = q;
  for (let exponent = 1; exponent <= last; exponent++) {
    const factor = exponent === last && last > 2 ? 1 : 2;
    for (let i = 0; i < sum.length; i++) sum[i] += factor * power[i];
    power = squareProduct(power, q, n);
  }
  return sum;
}

/** Q = B − Bᵀ of every block, together no longer than `limit` (0: any length). */
function skewBlocks({ data }: Tensor, n: number, limit: number): Square[] {
  const count = data.length / (n * n);
  const blocks = Array.from({ length: count }, (_, block) =>
    Float64Array.from({ length: n * n }, (_, at) => {
      const [row, column] = [Math.floor(at / n), at % n];
      return data[block * n * n + at] - data[block * n * n + column * n + row];
    }),
  );
  const norm = Math.sqrt(blocks.reduce((sum, q) => q.reduce((s, x) => s + x * x, sum), 0)) + 1e-8;
  return limit > 0 && norm > limit ? blocks.map(q => q.map(x => (x * limit) / norm)) : blocks;
}

/** In LyCORIS and kohya's scripts the alpha of a file, times the outputs, is the longest that Q may be. */
const longest = (alpha: number, { out }: LayerSize): number => Math.fround(alpha) * out;

/** rescale ⊙ (W + ΔW) − W; the strength does not reach `rescale` (LyCORIS). */
function rescaled(
  base: Float32Array,
  delta: Float32Array,
  { rescale }: ModuleTensors,
  out: number,
): Float32Array {
  if (!rescale) return delta;
  const columns = base.length / out;
  return delta.map((change, at) => {
    const factor = rescale.data[Math.floor(at / columns)];
    return factor * change + (factor - 1) * base[at];
  });
}

/** PEFT keeps the numbers above the diagonal of each block only: [blocks, n·(n−1)/2]. */
export const isUpperTriangles = (blocks: Tensor): boolean => blocks.shape.length === 2;

export const triangleSide = (blocks: Tensor): number => (1 + Math.sqrt(1 + 8 * columnsOf(blocks))) / 2;

/** Rᵀ of every block of outputs: (Rᵀ − I)·W. */
async function rotatedOutputs(
  base: Float32Array,
  { tensors, alpha }: LoraModule,
  strength: number,
  multiply: Multiply,
  size: LayerSize,
): Promise<Float32Array> {
  const blocks = tensors.oft_blocks as Tensor;
  const n = blocks.shape[1];
  const columns = base.length / size.out;
  const result = new Float32Array(base.length);
  for (const [block, q] of skewBlocks(blocks, n, longest(alpha, size)).entries()) {
    const change = cayley(q, n);
    const turn = Float32Array.from(change, (_, at) => strength * change[(at % n) * n + Math.floor(at / n)]);
    const start = block * n * columns;
    const rows = base.subarray(start, start + n * columns);
    result.set(await multiply(matrix(n, n, turn), matrix(n, columns, rows)), start);
  }
  return rescaled(base, result, tensors, size.out);
}

/** W·(Rᵀ − I) with a block for every so many inputs, or one for all; `alpha` counts PEFT's terms, 0 is the exact transform. */
async function rotatedInputs(
  base: Float32Array,
  { tensors, alpha }: LoraModule,
  strength: number,
  multiply: Multiply,
  { out, inside, area }: LayerSize,
): Promise<Float32Array> {
  const blocks = tensors.oft_blocks as Tensor;
  const n = triangleSide(blocks);
  const columns = inside * area;
  const result = new Float32Array(base.length);
  for (let block = 0; block < columns / n; block++) {
    const q = upperTriangle(blocks, block % rowsOf(blocks), n);
    // PEFT's exact transform has the other sign.
    const change =
      alpha > 0
        ? cayleySeries(q, n, alpha)
        : cayley(
            q.map(x => -x),
            n,
          );
    const turn = Float32Array.from(change, (_, at) => strength * change[(at % n) * n + Math.floor(at / n)]);
    const rows = new Float32Array(out * n);
    for (let o = 0; o < out; o++)
      rows.set(base.subarray(o * columns + block * n, o * columns + block * n + n), o * n);
    const turned = await multiply(matrix(out, n, rows), matrix(n, n, turn));
    for (let o = 0; o < out; o++) result.set(turned.subarray(o * n, o * n + n), o * columns + block * n);
  }
  return result;
}

function upperTriangle({ data }: Tensor, row: number, n: number): Square {
  const q = new Float64Array(n * n);
  let at = row * ((n * (n - 1)) / 2);
  for (let i = 0; i < n; i++)
    for (let j = i + 1; j < n; j++, at++) {
      q[i * n + j] = data[at];
      q[j * n + i] = -data[at];
    }
  return q;
}

export const oftDelta = (...args: Parameters<typeof rotatedOutputs>): Promise<Float32Array> =>
  isUpperTriangles(args[1].tensors.oft_blocks as Tensor) ? rotatedInputs(...args) : rotatedOutputs(...args);

/** Where row `at` of a stage's order comes from: pairs of rows that lie `half` apart stand side by side. */
function butterflyRow(at: number, half: number): number {
  const [pair, side] = [Math.floor(at / 2), at % 2];
  return (2 * Math.floor(pair / half) + side) * half + (pair % half);
}

/** One stage: rows in the order of the butterfly, each block of them times its matrix I + s·(R − I). */
function butterflyStage(
  rows: Float64Array,
  changes: readonly Square[],
  n: number,
  half: number,
  strength: number,
): Float64Array {
  const columns = rows.length / (changes.length * n);
  const out = rows.slice();
  for (const [block, change] of changes.entries())
    for (let i = 0; i < n; i++) {
      const to = butterflyRow(block * n + i, half) * columns;
      for (let j = 0; j < n; j++) {
        const factor = strength * change[i * n + j];
        const from = butterflyRow(block * n + j, half) * columns;
        for (let c = 0; c < columns; c++) out[to + c] += factor * rows[from + c];
      }
    }
  return out;
}

/** oft_blocks [stages, blocks, n, n]; stage i mixes rows that lie 2ⁱ·n/2 apart. */
export function boftDelta(
  base: Float32Array,
  { tensors, alpha }: LoraModule,
  strength: number,
  size: LayerSize,
): Float32Array {
  const blocks = tensors.oft_blocks as Tensor;
  const [stages, count, n] = blocks.shape;
  const changes = skewBlocks(blocks, n, longest(alpha, size)).map(q => cayley(q, n));
  let rows = Float64Array.from(base);
  for (let stage = 0; stage < stages; stage++) {
    const own = changes.slice(stage * count, (stage + 1) * count);
    rows = butterflyStage(rows, own, n, (2 ** stage * n) / 2, strength) as Float64Array<ArrayBuffer>;
  }
  const delta = Float32Array.from(base, (x, at) => rows[at] - x);
  return rescaled(base, delta, tensors, size.out);
}
