/** @file What is computed of the pictures once before the first step: buckets and latents. */
import {
  assignBuckets,
  type BucketRule,
  type DatasetScan,
  type DatasetWarning,
  encodeDataset,
  type ScanOptions,
  scanDataset,
  type TrainingItem,
} from '../dataset/index.ts';
import type { SessionOptions } from '../engine/index.ts';
import { usageError } from '../errors.ts';
import { type Checkpoint, openVaeEncoder, wholeUpToDefault } from '../models/index.ts';
import { batchesPerEpoch } from './batches.ts';
import { type DataSources, pictureSources, readDataSources } from './data-sources.ts';
import { encoderFingerprint } from './fingerprint.ts';
import type { Recipe } from './recipe/recipe.ts';

export interface PrepareOptions {
  readonly checkpoint: Checkpoint;
  readonly recipe: Recipe;
  readonly session?: SessionOptions;
  /** Memory is scarce: large pictures are encoded in tiles. */
  readonly frugal?: boolean;
  /** Latents are kept here between runs; none when undefined. */
  readonly cacheFolder?: string;
  readonly signal?: AbortSignal;
  readonly onCount?: (phase: 'scan' | 'latents' | 'captions', done: number, total: number) => void;
  readonly onWarning?: (warning: DatasetWarning) => void;
}

/**
 * Sides from half to twice the longest, as kohya has 256 to 1024 at 512, unless the recipe says others; those are made
 * multiples of the step as kohya makes them, the shortest down and the longest up. Throws BUCKET_OPTIONS where the
 * resolution is not between them.
 */
export function bucketRule(recipe: Recipe): BucketRule {
  const { resolution, bucketStep: step, minBucketSide, maxBucketSide, noUpscale } = recipe;
  const longest = Math.max(resolution.width, resolution.height);
  const shortest = Math.min(resolution.width, resolution.height);
  const down = (side: number): number => Math.floor(side / step) * step;
  const up = (side: number): number => Math.ceil(side / step) * step;
  // Of a long resolution, half the longest side may be more than the shortest.
  const min = minBucketSide === null ? Math.min(up(longest / 2), down(shortest)) : down(minBucketSide);
  const max = maxBucketSide === null ? up(2 * longest) : up(maxBucketSide);
  if (!noUpscale && (min > shortest || max < longest || min < step)) {
    const message = `bucket sides from ${min} to ${max} must hold both sides of ${resolution.width}x${resolution.height}`;
    throw usageError('BUCKET_OPTIONS', message, 'Give other values for minBucketSide or maxBucketSide.');
  }
  return { resolution, min, max, step, ...(noUpscale ? { noEnlarging: true } : {}) };
}

/** Scans the pictures of a run and its regularisation pictures. Notes of data set files are among the warnings. */
export async function scanPictures(
  data: string | readonly string[] | DataSources,
  {
    recipe,
    signal,
    onCount,
    onBadCaption,
    inspect,
  }: Pick<PrepareOptions, 'recipe' | 'signal' | 'onCount'> & Pick<ScanOptions, 'onBadCaption' | 'inspect'>,
): Promise<DatasetScan> {
  const sources = isRead(data) ? data : readDataSources(data);
  const scan = await scanDataset(pictureSources(sources, recipe), {
    ...(recipe.caption === null ? {} : { caption: recipe.caption }),
    ...(recipe.fileNameCaptions ? { captionFromFileName: true } : {}),
    ...(recipe.trigger === null ? {} : { trigger: recipe.trigger }),
    ...(signal ? { signal } : {}),
    ...(onBadCaption ? { onBadCaption } : {}),
    ...(inspect ? { inspect } : {}),
    onProgress: (done, total) => onCount?.('scan', done, total),
  });
  return { ...scan, warnings: [...sources.notes, ...scan.warnings] };
}

const isRead = (data: string | readonly string[] | DataSources): data is DataSources =>
  typeof data === 'object' && 'parts' in data;

export interface BucketSurvey {
  /** `WxH` → pictures, repeats not counted. */
  readonly buckets: Readonly<Record<string, number>>;
  /** Micro-steps that show every picture as often as it repeats. */
  readonly batchesPerEpoch: number;
}

/** Which buckets the pictures of a scan go to, without encoding them. */
export function surveyBuckets(scan: DatasetScan, recipe: Recipe): BucketSurvey {
  const buckets: Record<string, number> = {};
  const items = assignBuckets(scan.pictures, bucketRule(recipe)).map(({ bucket }, i) => {
    const key = `${bucket.width}x${bucket.height}`;
    buckets[key] = (buckets[key] ?? 0) + 1;
    return { bucket, repeats: scan.pictures[i].repeats };
  });
  return { buckets, batchesPerEpoch: batchesPerEpoch(items, recipe.batch) };
}

/**
 * Latent pixels up to which a picture is encoded whole, as other trainers do: 1280², for which 5 GiB are enough. With
 * scarce memory 768²; tiles give slightly other latents.
 */
const wholeUpTo = ({ frugal }: PrepareOptions): number => (frugal ? wholeUpToDefault : 160 * 160);

export async function encodePictures(scan: DatasetScan, options: PrepareOptions): Promise<TrainingItem[]> {
  const { checkpoint, recipe, session, cacheFolder, signal, onCount, onWarning } = options;
  const whole = wholeUpTo(options);
  const encoder = openVaeEncoder(checkpoint, { ...session, wholeUpTo: whole });
  try {
    return await encodeDataset(scan, {
      buckets: bucketRule(recipe),
      masks: checkpoint.variant === 'inpaint',
      encode: pixels => encoder.encode(pixels),
      encoderHash: `${encoderFingerprint(checkpoint)} ${whole}`,
      ...(cacheFolder ? { cacheFolder } : {}),
      ...(signal ? { signal } : {}),
      ...(onWarning ? { onWarning } : {}),
      onProgress: ({ done, total }) => onCount?.('latents', done, total),
    });
  } finally {
    await encoder.release();
  }
}
