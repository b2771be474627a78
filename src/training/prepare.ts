/** @file What is computed of the pictures once before the first step: buckets and latents. */
import {
  assignBuckets,
  type BucketRule,
  type DatasetScan,
  type DatasetWarning,
  encodeDataset,
  type ScanOptions,
  scanFolder,
  type TrainingItem,
} from '../dataset/index.ts';
import type { SessionOptions } from '../engine/index.ts';
import { type Checkpoint, openVaeEncoder, wholeUpToDefault } from '../models/index.ts';
import { batchesPerEpoch } from './batches.ts';
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

/** Sides from half to twice the longest, as kohya has 256 to 1024 at 512. */
export function bucketRule({ resolution, bucketStep }: Recipe): BucketRule {
  const longest = Math.max(resolution.width, resolution.height);
  const min = Math.ceil(longest / 2 / bucketStep) * bucketStep;
  return { resolution, min, max: 2 * longest, step: bucketStep };
}

export async function scanPictures(
  folder: string,
  {
    recipe,
    signal,
    onCount,
    onBadCaption,
  }: Pick<PrepareOptions, 'recipe' | 'signal' | 'onCount'> & Pick<ScanOptions, 'onBadCaption'>,
): Promise<DatasetScan> {
  return scanFolder(folder, {
    ...(recipe.caption === null ? {} : { caption: recipe.caption }),
    ...(recipe.trigger === null ? {} : { trigger: recipe.trigger }),
    ...(signal ? { signal } : {}),
    ...(onBadCaption ? { onBadCaption } : {}),
    onProgress: (done, total) => onCount?.('scan', done, total),
  });
}

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
      flip: recipe.flip,
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
