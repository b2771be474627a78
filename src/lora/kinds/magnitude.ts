/** @file DoRA (Liu et al. 2024): the changed weight gets a norm of its own for each output, or each input. */
import type { Tensor } from '../../engine/index.ts';
import type { LayerSize } from './matrices.ts';

/** LyCORIS adds this to every norm: the step of float32 at 1. */
const epsilon = 2 ** -23;

/**
 * Which axis the magnitudes are of; undefined when they fit neither. A column [out, 1…] and a plain vector of PEFT are of
 * the outputs, a row [1, in…] of the inputs (OneTrainer, early LyCORIS); PEFT's convolutions have a row [1, out, 1, 1].
 */
export function magnitudeAxis({ shape, data }: Tensor, { out, inside }: LayerSize): 'out' | 'in' | undefined {
  const isColumn = shape.length === 1 || shape[0] === data.length;
  if (isColumn && data.length === out) return 'out';
  if (data.length === inside) return 'in';
  return data.length === out ? 'out' : undefined;
}

/** Square root of the sum of squares of each row, or of each input over all rows and the kernel. */
function norms(weight: Float64Array, axis: 'out' | 'in', { out, inside, area }: LayerSize): Float64Array {
  const sums = new Float64Array(axis === 'out' ? out : inside);
  let at = 0;
  for (let o = 0; o < out; o++)
    for (let i = 0; i < inside; i++) {
      const group = axis === 'out' ? o : i;
      for (let k = 0; k < area; k++, at++) sums[group] += weight[at] * weight[at];
    }
  return sums.map(Math.sqrt);
}

/**
 * What is added to `base`: s·(m·V/‖V‖ − W) with V = W + ΔW, the way from the base to DoRA's weight, as A1111 and ComfyUI
 * draw it. (In LyCORIS' weight_decompose only the norm follows the strength, so that a little of a LoRA is nearly all of it.)
 */
export function decomposedDelta(
  base: Float32Array,
  delta: Float32Array,
  magnitude: Tensor,
  size: LayerSize,
  strength: number,
): Float32Array {
  const { out, inside, area } = size;
  const axis = magnitudeAxis(magnitude, size) ?? 'out';
  const changed = new Float64Array(base.length);
  for (let i = 0; i < base.length; i++) changed[i] = base[i] + delta[i];
  const factors = norms(changed, axis, size).map((norm, i) => magnitude.data[i] / (norm + epsilon));
  const result = new Float32Array(base.length);
  let at = 0;
  for (let o = 0; o < out; o++)
    for (let i = 0; i < inside; i++) {
      const factor = factors[axis === 'out' ? o : i];
      for (let k = 0; k < area; k++, at++) result[at] = strength * (changed[at] * factor - base[at]);
    }
  return result;
}
