/** @file Which pictures a step sees: endless epochs cut into steps, with the captions and flips drawn for them. */

import { type PictureView, planEpoch, type TrainingItem } from '../dataset/index.ts';
import { randomStream, type Tensor } from '../engine/index.ts';

type EpochItem = Pick<TrainingItem, 'bucket' | 'repeats'>;

/** Every epoch has as many batches: buckets do not mix, and the last batch of each may be short. */
export function batchesPerEpoch(items: readonly EpochItem[], batch: number): number {
  return planEpoch({ items, batch, seed: 0, epoch: 0 }).length;
}

/** The batch of micro-step `index` (0-based) as item indices, the same whenever it is asked for. */
export function openBatches(
  items: readonly EpochItem[],
  batch: number,
  seed: number,
): (index: number) => number[] {
  const length = batchesPerEpoch(items, batch);
  let current = { epoch: -1, plan: [] as number[][] };
  return index => {
    const epoch = Math.floor(index / length);
    if (epoch !== current.epoch) current = { epoch, plan: planEpoch({ items, batch, seed, epoch }) };
    return current.plan[index % length];
  };
}

/**
 * Fills a short batch up to `batch` with its own pictures again. They are drawn with other noise, so the step costs
 * the same as a whole one and is worth as much.
 */
export function fillBatch(indices: readonly number[], batch: number): number[] {
  return Array.from({ length: batch }, (_, i) => indices[i % indices.length]);
}

export interface DrawnItem {
  readonly item: TrainingItem;
  readonly view: PictureView;
  /** For inpainting models: mask and latents of the masked picture. */
  readonly masking: Tensor | undefined;
  /** Empty when caption dropout struck. */
  readonly caption: string;
  /** Factor of its loss. */
  readonly weight: number;
}

/** Picks the form of the picture (mirrored or not), one of their masks and the caption of sample `sample` of a step. */
export function drawItem(
  item: TrainingItem,
  { seed, captionDropout }: { seed: number; captionDropout: number },
  step: number,
  sample: number,
): DrawnItem {
  const { views, mirroredViews } = item;
  const mirrored = mirroredViews && randomStream(seed, 'flip', step, sample).uniform() < 0.5;
  const forms = mirrored ? mirroredViews : views;
  const view =
    forms.length === 1 ? forms[0] : forms[randomStream(seed, 'view', step, sample).integer(forms.length)];
  const { maskings } = view;
  const dropped = randomStream(seed, 'caption dropout', step, sample).uniform() < captionDropout;
  return {
    item,
    view,
    masking: maskings?.[randomStream(seed, 'mask', step, sample).integer(maskings.length)],
    caption: dropped ? '' : item.caption,
    weight: 1,
  };
}
