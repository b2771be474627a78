/** @file ΔW of the kinds that multiply the base weight: IA³ (Liu et al. 2022) and GLoRA (Chavan et al. 2023). */
import type { Tensor } from '../../engine/index.ts';
import { columnsOf, type LayerSize, type Multiply, matrix, rowsOf, scaled } from './matrices.ts';
import type { ModuleTensors } from './module.ts';

export const isOnInput = ({ on_input }: ModuleTensors): boolean =>
  on_input !== undefined && on_input.data[0] !== 0;

/** W ⊙ v along the outputs, or the inputs. */
export function ia3Delta(
  base: Float32Array,
  tensors: ModuleTensors,
  strength: number,
  { out, inside, area }: LayerSize,
): Float32Array {
  const vector = (tensors.ia3 as Tensor).data;
  const onInput = isOnInput(tensors);
  const result = new Float32Array(base.length);
  let at = 0;
  for (let o = 0; o < out; o++)
    for (let i = 0; i < inside; i++) {
      const factor = strength * vector[onInput ? i : o];
      for (let k = 0; k < area; k++, at++) result[at] = factor * base[at];
    }
  return result;
}

/** [out, in, area] ↔ [out, area, in] */
function swapLast(data: Float32Array, out: number, middle: number, last: number): Float32Array {
  if (middle === 1 || last === 1) return data;
  const swapped = new Float32Array(data.length);
  for (let o = 0; o < out; o++)
    for (let i = 0; i < middle; i++)
      for (let k = 0; k < last; k++) swapped[(o * last + k) * middle + i] = data[(o * middle + i) * last + k];
  return swapped;
}

/** In early files of LyCORIS a1 and a2, b1 and b2 have each other's names. */
export function gloraFactors(
  tensors: ModuleTensors,
  { out }: LayerSize,
): { a1: Tensor; a2: Tensor; b1: Tensor; b2: Tensor } {
  const { a1, a2, b1, b2 } = tensors as { a1: Tensor; a2: Tensor; b1: Tensor; b2: Tensor };
  return rowsOf(b1) !== out && rowsOf(b2) === out ? { a1: a2, a2: a1, b1: b2, b2: b1 } : { a1, a2, b1, b2 };
}

/** W·a1·a2, which mixes inputs; `sum` is what b1 and b2 make. */
export async function gloraDelta(
  base: Float32Array,
  sum: Float32Array,
  tensors: ModuleTensors,
  scale: number,
  multiply: Multiply,
  size: LayerSize,
): Promise<Float32Array> {
  const { out, inside, area } = size;
  const { a1, a2 } = gloraFactors(tensors, size);
  const rank = columnsOf(a1);
  const rows = out * area;
  const narrow = await multiply(
    matrix(rows, inside, swapLast(base, out, inside, area)),
    matrix(inside, rank, a1.data),
  );
  const wide = await multiply(matrix(rows, rank, narrow), matrix(rank, inside, scaled(a2.data, scale)));
  return swapLast(wide, out, area, inside).map((x, i) => x + sum[i]);
}
