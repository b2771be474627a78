/** @file A scanned data set → latents in memory, each picture encoded once and cached by content. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Tensor, tensor } from '../engine/index.ts';
import { badInput } from '../errors.ts';
import {
  assignBucket,
  assignBucketWithoutEnlarging,
  type BucketAssignment,
  type BucketOptions,
  bucketSizes,
  type Size,
} from './buckets.ts';
import { cacheKey, type LatentCache, latentCache } from './cache.ts';
import { type DatasetWarning, firstLine } from './findings.ts';
import { decodePicture, type PicturePlan } from './picture.ts';
import type { DatasetScan, ScannedPicture } from './scan.ts';

export interface TrainingItem {
  path: string;
  caption: string;
  bucket: Size;
  /** As the encoder returned them, [1, channels, height, width]. */
  latents: Tensor;
  /** Of the mirrored picture, when `flip` was asked for. */
  flippedLatents?: Tensor;
  repeats: number;
  /** Before scaling, after EXIF rotation. */
  originalSize: Size;
  /** Top left corner of the crop in the scaled picture. */
  crop: { left: number; top: number };
}

export interface BucketRule extends BucketOptions {
  /** Never enlarge a picture; `min` and `max` then have no effect. */
  noEnlarging?: boolean;
}

export interface EncodeProgress {
  done: number;
  total: number;
  path: string;
  /** Whether the latents came from the cache. */
  cached: boolean;
}

export interface EncodeOptions {
  buckets: BucketRule;
  flip?: boolean;
  /** Pixels [1, 3, height, width] in [-1, 1] → latents. */
  encode: (pixels: Tensor) => Promise<Tensor>;
  /** Part of the cache key: another encoder never meets these latents. */
  encoderHash: string;
  /** Without it nothing is written to disk. */
  cacheFolder?: string;
  onProgress?: (progress: EncodeProgress) => void;
  /** Told once when the cache cannot be written; the run goes on without it. */
  onWarning?: (warning: DatasetWarning) => void;
  signal?: AbortSignal;
}

/** Gives every picture its bucket, in the order of the scan. */
export function assignBuckets(pictures: readonly Size[], rule: BucketRule): BucketAssignment[] {
  if (rule.noEnlarging) {
    return pictures.map(size => assignBucketWithoutEnlarging(size, rule.resolution, rule.step));
  }
  const sizes = bucketSizes(rule);
  return pictures.map(size => assignBucket(size, sizes));
}

/** Reads the picture again, and makes sure that it is still the one that was scanned. */
async function readScanned({ path, hash }: ScannedPicture): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw badInput('FILE_UNREADABLE', `${path} cannot be opened: ${firstLine(error)}`, undefined, error);
  });
  if (createHash('sha256').update(bytes).digest('hex') === hash) return bytes;
  throw badInput('PICTURE_CHANGED', `${path} changed while the data set was being read`, 'Start again.');
}

function checkFinite(latents: Tensor, path: string): void {
  const at = latents.data.findIndex(value => !Number.isFinite(value));
  if (at < 0) return;
  const message = `${path}: latent ${at} of ${latents.data.length} is ${latents.data[at]}`;
  const hint = 'The VAE of the base is damaged, or overflows in half precision; use its float32 weights.';
  throw badInput('LATENTS_NOT_FINITE', message, hint);
}

interface Encoded {
  latents: Tensor;
  cached: boolean;
}

/** From the cache if it is there, else through the encoder and into the cache. */
async function encodeOne(
  bytes: Uint8Array,
  plan: PicturePlan,
  path: string,
  options: EncodeOptions,
  cache: LatentCache | undefined,
): Promise<Encoded> {
  const key = cacheKey({ picture: bytes, plan, encoderHash: options.encoderHash });
  const kept = await cache?.get(key);
  if (kept) return { latents: kept, cached: true };
  const pixels = await decodePicture(bytes, plan, path);
  const latents = await options.encode(tensor([1, 3, plan.bucket.height, plan.bucket.width], pixels));
  checkFinite(latents, path);
  await cache?.put(key, latents);
  return { latents, cached: false };
}

/** A cache that stops writing, with a warning, where it cannot: everything in it can be made again. */
function forgivingCache({ cacheFolder: folder, onWarning }: EncodeOptions): LatentCache | undefined {
  if (folder === undefined) return undefined;
  const cache = latentCache(folder);
  let broken = false;
  return {
    get: key => cache.get(key),
    async put(key, latents) {
      if (broken) return;
      await cache.put(key, latents).catch((error: unknown) => {
        broken = true;
        const message = `latents are not kept for the next run: ${firstLine(error)}`;
        onWarning?.({ code: 'CACHE_NOT_WRITTEN', message, path: folder });
      });
    },
  };
}

/** Encodes every picture of a scan; a picture that has become unreadable since is an error, never left out. */
export async function encodeDataset(scan: DatasetScan, options: EncodeOptions): Promise<TrainingItem[]> {
  const cache = forgivingCache(options);
  const assignments = assignBuckets(scan.pictures, options.buckets);
  const items: TrainingItem[] = [];
  for (const [index, picture] of scan.pictures.entries()) {
    options.signal?.throwIfAborted();
    const { path, caption, repeats, width, height } = picture;
    const plan = assignments[index];
    const bytes = await readScanned(picture);
    const upright = await encodeOne(bytes, plan, path, options, cache);
    const flipped = options.flip && (await encodeOne(bytes, { ...plan, flip: true }, path, options, cache));
    items.push({
      path,
      caption,
      bucket: plan.bucket,
      latents: upright.latents,
      ...(flipped ? { flippedLatents: flipped.latents } : {}),
      repeats,
      originalSize: { width, height },
      crop: plan.crop,
    });
    const cached = upright.cached && (!flipped || flipped.cached);
    options.onProgress?.({ done: items.length, total: scan.pictures.length, path, cached });
  }
  return items;
}
