/** @file Where measures of pictures are kept between reports: in the cache folder, and in memory while the process lives. */
import { join } from 'node:path';
import { type HotValues, type KeptMeasures, keepMeasures, openHotValues } from '../../dataset/index.ts';
import { openMeasureStore } from './measure-store.ts';

export interface MeasureCache {
  readonly file: string;
  readonly hot: HotValues;
}

/** The cache of measures in a folder that may be deleted at any time; opens nothing yet. */
export const measureCacheIn = (folder: string): MeasureCache => ({
  file: join(folder, 'picture-measures.sqlite'),
  hot: openHotValues(),
});

/** Does `work` with what is kept; what it measures is written also where it fails or is stopped. */
export async function withMeasures<Result>(
  cache: MeasureCache | undefined,
  work: (kept: KeptMeasures | undefined) => Promise<Result>,
): Promise<Result> {
  if (!cache) return work(undefined);
  const store = openMeasureStore(cache.file);
  try {
    return await work(keepMeasures(store, cache.hot));
  } finally {
    store.close();
  }
}
