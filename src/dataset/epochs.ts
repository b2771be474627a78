/** @file The order of an epoch: which pictures make up which batch, a pure function of seed and epoch. */

import { randomStream } from '../engine/index.ts';
import type { Size } from './buckets.ts';

export interface EpochItem {
  bucket: Size;
  /** How often the picture comes in one epoch. */
  repeats: number;
}

export interface EpochOptions {
  items: readonly EpochItem[];
  /** Most pictures in a batch. */
  batch: number;
  seed: number;
  epoch: number;
}

/** Indices of the items of each bucket, each as often as it repeats; buckets in order of size. */
function drawPiles(items: readonly EpochItem[]): number[][] {
  const piles = new Map<string, { bucket: Size; pile: number[] }>();
  items.forEach(({ bucket, repeats }, index) => {
    const key = `${bucket.width}x${bucket.height}`;
    const entry = piles.get(key) ?? { bucket, pile: [] };
    for (let i = 0; i < repeats; i++) entry.pile.push(index);
    piles.set(key, entry);
  });
  return [...piles.values()]
    .sort((a, b) => a.bucket.width - b.bucket.width || a.bucket.height - b.bucket.height)
    .map(({ pile }) => pile);
}

/**
 * The batches of one epoch, as item indices. All pictures of a batch share a bucket; the last batch of a bucket may
 * be short, and none is dropped: every item comes exactly `repeats` times.
 */
export function planEpoch({ items, batch, seed, epoch }: EpochOptions): number[][] {
  if (!Number.isInteger(batch) || batch < 1) {
    throw new RangeError(`batch must be a whole number of at least 1, not ${batch}`);
  }
  const random = randomStream(seed, 'epoch order', epoch);
  const batches: number[][] = [];
  for (const pile of drawPiles(items)) {
    const shuffled = random.permutation(pile.length).map(i => pile[i]);
    for (let start = 0; start < shuffled.length; start += batch) {
      batches.push(shuffled.slice(start, start + batch));
    }
  }
  return random.permutation(batches.length).map(i => batches[i]);
}
