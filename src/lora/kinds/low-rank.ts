/**
 * @file ΔW of the kinds that are made of small factors (before any magnitude): LoRA and LoCon (Hu et al. 2021), LoHa
 * (Hyeon-Woo et al. 2021), LoKr (Edalati et al. 2022), each also in the Tucker form of LyCORIS for convolutions.
 * All are matrices [out, in·area].
 */
import type { Tensor } from '../../engine/index.ts';
import { columnsOf, type Matrix, type Multiply, matrix, rowsOf, scaled, transpose } from './matrices.ts';
import type { ModuleTensors } from './module.ts';

const asMatrix = (tensor: Tensor): Matrix => matrix(rowsOf(tensor), columnsOf(tensor), tensor.data);

/** [n, columns, area] → [columns, n·area], so that the sum over `columns` is one product. */
function columnsFirst(data: Float32Array, n: number, columns: number, area: number): Matrix {
  const out = new Float32Array(data.length);
  for (let i = 0; i < n; i++)
    for (let c = 0; c < columns; c++)
      for (let k = 0; k < area; k++) out[(c * n + i) * area + k] = data[(i * columns + c) * area + k];
  return matrix(columns, n * area, out);
}

/**
 * Tucker: W[o, i, k] = Σₘₙ core[m, n, k]·outer[m, o]·inner[n, i] (LyCORIS, rebuild_tucker).
 * core [r, r, area], outer [r, out], inner [r, in].
 */
async function tucker(core: Tensor, outer: Matrix, inner: Matrix, multiply: Multiply): Promise<Float32Array> {
  const rank = inner.rows;
  const area = core.data.length / (rank * rank);
  // Σₙ: [in, r]·[r, r·area] → [in, m·area]
  const inside = await multiply(transpose(inner), columnsFirst(core.data, rank, rank, area));
  // Σₘ: [out, r]·[r, in·area]
  return multiply(transpose(outer), columnsFirst(inside, inner.columns, rank, area));
}

export async function loraDelta(
  tensors: ModuleTensors,
  scale: number,
  multiply: Multiply,
): Promise<Float32Array> {
  const { down, up, mid } = tensors as { down: Tensor; up: Tensor; mid?: Tensor };
  const outer = { ...asMatrix(up), data: scaled(up.data, scale) };
  if (mid) return tucker(mid, transpose(outer), asMatrix(down), multiply);
  return multiply(outer, asMatrix(down));
}

/** (w1_a·w1_b) ⊙ (w2_a·w2_b) */
export async function lohaDelta(
  tensors: ModuleTensors,
  scale: number,
  multiply: Multiply,
): Promise<Float32Array> {
  const half = (a: Tensor, b: Tensor, core: Tensor | undefined): Promise<Float32Array> | Float32Array =>
    core ? tucker(core, asMatrix(a), asMatrix(b), multiply) : multiply(asMatrix(a), asMatrix(b));
  const { hada_w1_a, hada_w1_b, hada_w2_a, hada_w2_b, hada_t1, hada_t2 } = tensors;
  const one = await half(hada_w1_a as Tensor, hada_w1_b as Tensor, hada_t1);
  const two = await half(hada_w2_a as Tensor, hada_w2_b as Tensor, hada_t2);
  return one.map((x, i) => scale * x * two[i]);
}

/** [a·b, (c·d)·area] of [a, c] ⊗ [b, d·area] */
export function kronecker(one: Matrix, two: Matrix, scale: number): Float32Array {
  const out = new Float32Array(one.data.length * two.data.length);
  const width = one.columns * two.columns;
  for (let a = 0; a < one.rows; a++)
    for (let c = 0; c < one.columns; c++) {
      const factor = scale * one.data[a * one.columns + c];
      for (let b = 0; b < two.rows; b++) {
        const to = (a * two.rows + b) * width + c * two.columns;
        const from = b * two.columns;
        for (let d = 0; d < two.columns; d++) out[to + d] = factor * two.data[from + d];
      }
    }
  return out;
}

/** w1 ⊗ w2, each whole or a product. */
export async function lokrDelta(
  tensors: ModuleTensors,
  scale: number,
  multiply: Multiply,
): Promise<Float32Array> {
  const { lokr_w1, lokr_w1_a, lokr_w1_b, lokr_w2, lokr_w2_a, lokr_w2_b, lokr_t2 } = tensors;
  const product = async (a: Tensor, b: Tensor): Promise<Matrix> =>
    matrix(rowsOf(a), columnsOf(b), await multiply(asMatrix(a), asMatrix(b)));
  const one = lokr_w1 ? asMatrix(lokr_w1) : await product(lokr_w1_a as Tensor, lokr_w1_b as Tensor);
  if (lokr_w2) return kronecker(one, asMatrix(lokr_w2), scale);
  const [a, b] = [lokr_w2_a as Tensor, lokr_w2_b as Tensor];
  if (!lokr_t2) return kronecker(one, await product(a, b), scale);
  const rebuilt = await tucker(lokr_t2, asMatrix(a), asMatrix(b), multiply);
  const rows = columnsOf(a);
  return kronecker(one, matrix(rows, rebuilt.length / rows, rebuilt), scale);
}
