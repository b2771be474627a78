/** @file The weight of a layer with a trained LoRA in it, as part of a graph. */
import type { Shape, Value } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import { deltaValue, type TrainedValues } from './trainable-kinds.ts';
import type { TrainedLayer } from './trained-layer.ts';

/** The step of float32 at 1, which LyCORIS adds to every norm. */
const epsilon = 2 ** -23;

/**
 * DoRA (Liu et al. 2024, eq. 5): m·V/‖V‖, a norm a row, or an input. The norm is a constant to gradients, as §4.3 has it
 * and PEFT does; LyCORIS lets gradients through it. v [out, in·area]
 */
function withMagnitude(v: Value, magnitude: Value, { shape, decomposed }: TrainedLayer): Value {
  const [out, inside] = shape;
  const area = v.shape[1] / inside;
  const cube = f.reshape(v, [out, inside, area]);
  const axes = decomposed === 'output' ? [1, 2] : [0, 2];
  const norm = f.stopGradient(f.sqrt(f.reduceSum(f.square(cube), axes)));
  const factor = f.div(f.reshape(magnitude, norm.shape), f.shift(norm, epsilon));
  return f.reshape(f.mul(cube, factor), v.shape);
}

export interface WeightMasks {
  /** Of the rows of ΔW [out or 1, 1]. */
  readonly delta?: Value | undefined;
  /** Of all that DoRA changes [1, 1]. */
  readonly whole?: Value | undefined;
}

/** ΔW [out, in·area], masked. */
export function maskedDelta(values: TrainedValues, layer: TrainedLayer, { delta: mask }: WeightMasks): Value {
  const delta = deltaValue(values, layer);
  return mask ? f.mul(delta, mask) : delta;
}

/** W′ in the shape that the model asks for. */
export function changedWeight(
  base: Value,
  values: TrainedValues,
  layer: TrainedLayer,
  masks: WeightMasks,
): Value {
  const shape: Shape = [layer.shape[0], f.elementCount(base.shape) / layer.shape[0]];
  const w = f.reshape(base, shape);
  const changed = f.add(w, maskedDelta(values, layer, masks));
  if (!layer.decomposed) return f.reshape(changed, base.shape);
  const decomposed = withMagnitude(changed, values.magnitude as Value, layer);
  if (!masks.whole) return f.reshape(decomposed, base.shape);
  return f.reshape(f.add(w, f.mul(f.sub(decomposed, w), masks.whole)), base.shape);
}
