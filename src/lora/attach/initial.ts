/** @file Starting values of a LoRA: A from a uniform distribution, B zero, so that training starts at the base model. */
import { randomStream, type Tensor, zeros } from '../../engine/index.ts';
import { usageError } from '../../errors.ts';
import type { LayerInfo } from '../../models/index.ts';
import { slotShapes } from './attach.ts';
import type { TrainedLayer } from './trained-layer.ts';

/** Throws RANK_TOO_LARGE or RANK_INVALID when `rank` makes no sense for one of the layers. */
export function checkRank(rank: number, layers: readonly LayerInfo[]): void {
  if (!Number.isInteger(rank) || rank < 1) {
    throw usageError(
      'RANK_INVALID',
      `rank ${rank} is not a whole number of at least 1`,
      'Usual ranks are 4 to 64.',
    );
  }
  for (const { target, shape } of layers) {
    const full = Math.min(
      shape[0],
      shape.slice(1).reduce((a, b) => a * b, 1),
    );
    if (rank <= full) continue;
    const hint = `Choose a rank of at most ${full}, or leave this layer out with --targets.`;
    throw usageError(
      'RANK_TOO_LARGE',
      `rank ${rank} is above the size of ${target} [${shape}], which is ${full}`,
      hint,
    );
  }
}

/**
 * Kaiming-uniform A with a = √5, that is U(−1/√fanIn, 1/√fanIn), and zero B (kohya, LyCORIS, PEFT).
 * One random stream a layer, so a layer starts the same whatever else is trained.
 */
export function initialParameters(layers: readonly TrainedLayer[], seed: number): Map<string, Tensor> {
  const parameters = new Map<string, Tensor>();
  for (const { target, shape, rank } of layers) {
    const shapes = slotShapes({ shape, rank });
    const down = zeros(shapes.down);
    const bound = 1 / Math.sqrt(shapes.down.slice(1).reduce((a, b) => a * b, 1));
    const random = randomStream(seed, `initial ${target}`);
    for (let i = 0; i < down.data.length; i++) down.data[i] = (2 * random.uniform() - 1) * bound;
    parameters.set(`${target}.down`, down);
    parameters.set(`${target}.up`, zeros(shapes.up));
  }
  return parameters;
}
