/**
 * @file A few numbers for each module that change only when ΔW does, whatever dialect, type or rank a file has: xᵀ·ΔW·y for
 * random x and y. They are linear in ΔW, so the angle between two sketches is about that between the LoRAs, and a folder
 * is searched for doubles by reading each file once.
 */
import { randomStream } from '../../engine/index.ts';
import { type Matrix, plainProduct } from '../kinds/matrices.ts';
import type { LoraModule } from '../kinds/module.ts';
import { expand } from './angles.ts';
import { type Change, dense, type Hadamard, sizeOf } from './change.ts';
import { dot, type Rows, rowProducts } from './inner-products.ts';

/** By target. */
export type Sketch = ReadonlyMap<string, Float64Array>;

const probes = 4;
const vectors = new Map<string, Float64Array>();

/** The same numbers for the same length, in every run. */
function probe(length: number, index: number, side: 'x' | 'y'): Float64Array {
  const key = `${side}${index} ${length}`;
  const known = vectors.get(key);
  if (known) return known;
  const random = randomStream(index, `sketch ${side}`, length);
  const made = Float64Array.from({ length }, () => random.normal());
  vectors.set(key, made);
  return made;
}

function timesRows({ rows, columns, data }: Rows, vector: Float64Array): Float64Array {
  const out = new Float64Array(rows);
  for (let i = 0, at = 0; i < rows; i++) {
    let sum = 0;
    for (let k = 0; k < columns; k++, at++) sum += data[at] * vector[k];
    out[i] = sum;
  }
  return out;
}

function bilinearDense({ rows, columns, data }: Matrix, x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0, at = 0; i < rows; i++) {
    let row = 0;
    for (let k = 0; k < columns; k++, at++) row += data[at] * y[k];
    sum += x[i] * row;
  }
  return sum;
}

/** xᵀ·(one ⊗ two)·y = Σᵢⱼ oneᵢⱼ · Xᵢ·two·Yⱼ, with x and y cut into rows. */
function bilinearKronecker(one: Matrix, two: Matrix, x: Float64Array, y: Float64Array): number {
  let sum = 0;
  const inside = new Float64Array(two.rows);
  for (let j = 0; j < one.columns; j++) {
    const part = y.subarray(j * two.columns, (j + 1) * two.columns);
    for (let p = 0; p < two.rows; p++)
      inside[p] = dot(part, two.data.subarray(p * two.columns, (p + 1) * two.columns));
    for (let i = 0; i < one.rows; i++)
      sum += one.data[i * one.columns + j] * dot(inside, x.subarray(i * two.rows, (i + 1) * two.rows));
  }
  return sum;
}

type Bilinear = (x: Float64Array, y: Float64Array) => number;

/** xᵀ·((L·R) ⊙ (M·S))·y = Σᵢⱼ (Σₒ xₒ·Lᵢₒ·Mⱼₒ)·(Σₙ Rᵢₙ·Sⱼₙ·yₙ) */
function bilinearHadamard({ scale, one, two }: Hadamard, x: Float64Array, y: Float64Array): number {
  const [left, right] = [weighted(one.left, x), weighted(one.right, y)];
  return scale * dot(rowProducts(left, two.left).data, rowProducts(right, two.right).data);
}

/** Every row times a vector, element by element. */
function weighted({ rows, columns, data }: Rows, vector: Float64Array): Rows {
  return { rows, columns, data: data.map((value, at) => value * vector[at % columns]) };
}

async function bilinearOf(change: Change): Promise<Bilinear> {
  if (change.form === 'hadamard') return (x, y) => bilinearHadamard(change, x, y);
  if (change.form === 'dense') return (x, y) => bilinearDense(change.matrix, x, y);
  if (change.form === 'product')
    return (x, y) => change.scale * dot(timesRows(change.left, x), timesRows(change.right, y));
  const one = (await expand(change.one, plainProduct)).matrix;
  const two = (await expand(change.two, plainProduct)).matrix;
  return (x, y) => change.scale * bilinearKronecker(one, two, x, y);
}

async function sketchChange(change: Change): Promise<Float64Array> {
  const { rows, columns } = sizeOf(change);
  const bilinear = await bilinearOf(change);
  return Float64Array.from({ length: probes }, (_, i) =>
    bilinear(probe(rows, i, 'x'), probe(columns, i, 'y')),
  );
}

/** Where ΔW is not all that a module does, its other tensors count beside it. */
const besideChange = ['magnitude', 'ia3', 'oft_blocks', 'rescale', 'a1', 'a2', 'b1', 'b2', 'bm'] as const;

/** The numbers of one module; `change` is that of `changeOf`. */
export async function sketchModule(module: LoraModule, change: Change | undefined): Promise<Float64Array> {
  const beside = besideChange.flatMap(role => module.tensors[role] ?? []);
  const all = [...(change ? [change] : []), ...beside.map(({ data }) => dense(1, data.length, data))];
  const sum = new Float64Array(probes);
  for (const one of all) for (const [i, x] of (await sketchChange(one)).entries()) sum[i] += x;
  return sum;
}

/** Cosine of the angle between two sketches; modules that one of them lacks are 0 there. */
export function sketchCosine(a: Sketch, b: Sketch): number {
  let [inner, mine, theirs] = [0, 0, 0];
  for (const [target, values] of a) {
    const other = b.get(target);
    for (let i = 0; i < values.length; i++) {
      inner += values[i] * (other?.[i] ?? 0);
      mine += values[i] ** 2;
    }
  }
  for (const values of b.values()) for (const x of values) theirs += x * x;
  return mine > 0 && theirs > 0 ? inner / Math.sqrt(mine * theirs) : 0;
}
