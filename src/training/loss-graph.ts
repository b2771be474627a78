/** @file The loss of each sample as part of a step's graph, as sd-scripts computes it (library/train_util.py, conditional_loss). */
import type { Graph, Value } from '../engine/index.ts';
import * as f from '../engine/index.ts';
import type { Recipe } from './recipe/recipe.ts';

export type LossName = Recipe['loss'];

export interface LossShape {
  /** `l2` unless said. */
  readonly loss?: LossName;
  /** Whether elements are multiplied by an input `mask` [n, 1, h, w]. */
  readonly masked?: boolean;
}

/** Losses that are fed where they bend: an input `huberC` [n]. */
export const hasThreshold = (loss: LossName): boolean => loss === 'huber' || loss === 'smooth_l1';

/** |x|, whose slope at 0 is 0: what is added is lost in every float32 above 1e-11. */
const absolute = (x: Value): Value => f.sqrt(f.shift(f.square(x), 1e-30));

/** 2·(√(d² + c²) − c), written so that small d are not lost; d [n, c, h, w], c [n, 1, 1, 1] */
function rooted(d: Value, c: Value): Value {
  const squared = f.square(d);
  const root = f.sqrt(f.add(squared, f.square(c)));
  return f.scale(f.div(squared, f.add(root, c)), 2);
}

/** Loss of each element [n, c, h, w]. */
function elementLosses(difference: Value, loss: LossName): Value {
  if (loss === 'l2') return f.square(difference);
  if (loss === 'l1') return absolute(difference);
  const [n] = difference.shape;
  const c = f.reshape(f.input(difference.graph, 'huberC', [n]), [n, 1, 1, 1]);
  const bent = rooted(difference, c);
  return loss === 'huber' ? f.mul(bent, c) : bent;
}

/** Mean loss of each sample [n, 1, 1, 1]: elements, times the mask, then over channels and pixels. */
export function sampleLosses(
  graph: Graph,
  prediction: Value,
  target: Value,
  { loss = 'l2', masked = false }: LossShape,
): Value {
  const elements = elementLosses(f.sub(prediction, target), loss);
  const [n, , height, width] = prediction.shape;
  const counted = masked ? f.mul(elements, f.input(graph, 'mask', [n, 1, height, width])) : elements;
  return f.reduceMean(counted, [1, 2, 3]);
}
