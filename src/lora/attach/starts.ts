/** @file Starts of LoRA that need linear algebra. */
import {
  type Matrix,
  matrix,
  multiply,
  orthonormalRows,
  type Products,
  type RandomStream,
  randomizedSvd,
  randomStream,
  type Tensor,
  transposeMatrix,
} from '../../engine/index.ts';
import { scaleOfLayer } from './trainable-kinds.ts';
import type { TrainedLayer } from './trained-layer.ts';

interface Factors {
  /** [rank, …] */
  readonly down: Tensor;
  /** [out, rank, …] */
  readonly up: Tensor;
}

function normalMatrix(random: RandomStream, rows: number, columns: number): Matrix {
  const out = matrix(rows, columns);
  for (let i = 0; i < out.data.length; i++) out.data[i] = random.normal();
  return out;
}

/** Every second row, from row `first` on. */
function everySecond({ rows, columns, data }: Matrix, first: 0 | 1): Matrix {
  const out = matrix(rows / 2, columns);
  for (let i = 0; i < out.rows; i++)
    out.data.set(data.subarray((2 * i + first) * columns, (2 * i + first + 1) * columns), i * columns);
  return out;
}

/** How large PEFT starts both factors. */
const orthogonalSize = 0.1;

/**
 * Down and up in halves of the low-rank space that are orthogonal to each other, so that up·down is zero although neither
 * is (PEFT's "orthogonal"). The rank is even.
 */
export function orthogonalStart({ target, rank }: TrainedLayer, { down, up }: Factors, seed: number): void {
  const random = randomStream(seed, `orthogonal ${target}`);
  const { q } = orthonormalRows(normalMatrix(random, rank, rank));
  const [one, two] = [everySecond(q, 0), everySecond(q, 1)]; // [rank/2, rank]
  const a = multiply(transposeMatrix(one), normalMatrix(random, rank / 2, down.data.length / rank));
  const b = multiply(normalMatrix(random, up.data.length / rank, rank / 2), two);
  down.data.set(a.data.map(x => orthogonalSize * x));
  up.data.set(b.data.map(x => orthogonalSize * x));
}

/**
 * PiSSA (Meng et al. 2024, eq. 2 and 3): scale·up·down is the part of the weight [out, in·area] along its first singular
 * vectors, the root of each singular value in either factor.
 */
export async function pissaStart(
  layer: TrainedLayer,
  { down, up }: Factors,
  base: Float32Array,
  { products, seed }: { readonly products: Products; readonly seed: number },
): Promise<void> {
  const { rank, shape } = layer;
  const out = shape[0];
  const inside = base.length / out;
  const { values, left, right } = await randomizedSvd({ shape: [out, inside], data: base }, rank, {
    products,
    seed,
  });
  for (let r = 0; r < rank; r++) {
    const root = Math.sqrt(values[r] / scaleOfLayer(layer));
    for (let i = 0; i < inside; i++) down.data[r * inside + i] = root * right.data[r * inside + i];
    for (let o = 0; o < out; o++) up.data[o * rank + r] = root * left.data[r * out + o];
  }
}
