/** @file Which pictures a step sees: endless epochs cut into steps, with the captions and flips drawn for them. */

import { planEpoch, type TrainingItem } from '../dataset/index.ts';
import { randomStream, type Tensor } from '../engine/index.ts';

export interface Chosen {
  readonly item: TrainingItem;
  readonly latents: Tensor;
  /** Empty when caption dropout struck. */
  readonly caption: string;
}

/** The batch of micro-step `index` (0-based), the same whenever it is asked for. */
export function openBatches(
  items: readonly TrainingItem[],
  batch: number,
  seed: number,
): (index: number) => number[] {
  const epochs: number[][][] = [];
  const starts: number[] = [0];
  return index => {
    while (starts[starts.length - 1] <= index) {
      const plan = planEpoch({ items, batch, seed, epoch: epochs.length });
      epochs.push(plan);
      starts.push(starts[starts.length - 1] + plan.length);
    }
    let epoch = epochs.length - 1;
    while (starts[epoch] > index) epoch--;
    return epochs[epoch][index - starts[epoch]];
  };
}

/** Picks the latents (mirrored or not) and the caption of one sample of a micro-step. */
export function drawItem(
  item: TrainingItem,
  options: { seed: number; captionDropout: number },
  microStep: number,
  index: number,
): Chosen {
  const { seed, captionDropout } = options;
  const flipped = item.flippedLatents && randomStream(seed, 'flip', microStep, index).uniform() < 0.5;
  const dropped = randomStream(seed, 'caption dropout', microStep, index).uniform() < captionDropout;
  return {
    item,
    latents: flipped ? (item.flippedLatents as Tensor) : item.latents,
    caption: dropped ? '' : item.caption,
  };
}
