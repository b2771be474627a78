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
import { cacheKey } from './cache.ts';
import { firstLine } from './findings.ts';
import { type Keep, type KeepOptions, openKeeper } from './keep.ts';
import { type MaskingEncoder, openMaskingEncoder } from './maskings.ts';
import { decodePicture, type PicturePlan } from './picture.ts';
import type { DatasetScan, ScannedPicture } from './scan.ts';

/** One form of a picture, encoded. */
export interface PictureView {
  /** As the encoder returned them, [1, channels, height, width]. */
  latents: Tensor;
  /** For inpainting models, one for each mask: what they read after the noisy latents, [1, 1 + channels, height, width]. */
  maskings?: readonly Tensor[];
  /** How much the loss counts at each latent pixel, 0 … 1; everywhere the same when undefined. [1, 1, height, width] */
  lossMask?: Tensor;
  /** Top left corner of the crop in the scaled picture. */
  crop: { left: number; top: number };
}

export interface TrainingItem {
  path: string;
  caption: string;
  bucket: Size;
  /** The forms that a step draws one of: a single one, unless pictures are varied. */
  views: readonly PictureView[];
  /** The same mirrored, when `flip` was asked for. */
  mirroredViews?: readonly PictureView[];
  repeats: number;
  /** Before scaling, after EXIF rotation. */
  originalSize: Size;
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

export interface EncodeOptions extends KeepOptions {
  buckets: BucketRule;
  flip?: boolean;
  /** Give every picture its `maskings`. */
  masks?: boolean;
  /** Pixels [1, 3, height, width] in [-1, 1] → latents. */
  encode: (pixels: Tensor) => Promise<Tensor>;
  /** Part of the cache key: another encoder never meets these latents. */
  encoderHash: string;
  onProgress?: (progress: EncodeProgress) => void;
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

/** One picture in its bucket, upright or mirrored. */
interface KeptView {
  view: PictureView;
  /** Whether all of it came from the cache. */
  cached: boolean;
}

interface Tools {
  keep: Keep;
  encode: EncodeOptions['encode'];
  maskings: MaskingEncoder | undefined;
}

/** Encodes one view of a picture, and with `masks` each of its masked forms, one after the other. */
async function encodeView(
  picture: Pick<ScannedPicture, 'path' | 'hash'> & { bytes: Uint8Array },
  plan: PicturePlan,
  encoderHash: string,
  { keep, encode, maskings }: Tools,
): Promise<KeptView> {
  const { path, hash, bytes } = picture;
  const source = { pictureHash: hash, plan, encoderHash };
  let decoded: Tensor | undefined;
  const pixels = async (): Promise<Tensor> => {
    const { width, height } = plan.bucket;
    decoded ??= tensor([1, 3, height, width], await decodePicture(bytes, plan, path));
    return decoded;
  };
  const plain = await keep(cacheKey(source), path, async () => encode(await pixels()));
  const view = { latents: plain.latents, crop: plan.crop };
  if (!maskings) return { view, cached: plain.cached };
  const masked = await maskings(source, path, pixels);
  return {
    view: { ...view, maskings: masked.map(({ latents }) => latents) },
    cached: plain.cached && masked.every(({ cached }) => cached),
  };
}

/** Encodes every picture of a scan; a picture that has become unreadable since is an error, never left out. */
export async function encodeDataset(scan: DatasetScan, options: EncodeOptions): Promise<TrainingItem[]> {
  const { encoderHash } = options;
  const keep = openKeeper(options);
  const encode = async (pixels: Tensor): Promise<Tensor> => {
    options.signal?.throwIfAborted(); // a picture with its masked forms takes several
    return options.encode(pixels);
  };
  const tools = { keep, encode, maskings: options.masks ? openMaskingEncoder(encode, keep) : undefined };
  const assignments = assignBuckets(scan.pictures, options.buckets);
  const items: TrainingItem[] = [];
  for (const [index, picture] of scan.pictures.entries()) {
    options.signal?.throwIfAborted();
    const { path, caption, repeats, width, height } = picture;
    const plan = assignments[index];
    const read = { ...picture, bytes: await readScanned(picture) };
    const upright = await encodeView(read, plan, encoderHash, tools);
    const flipped = options.flip
      ? await encodeView(read, { ...plan, flip: true }, encoderHash, tools)
      : undefined;
    items.push({
      path,
      caption,
      bucket: plan.bucket,
      views: [upright.view],
      ...(flipped ? { mirroredViews: [flipped.view] } : {}),
      repeats,
      originalSize: { width, height },
    });
    const cached = upright.cached && (!flipped || flipped.cached);
    options.onProgress?.({ done: items.length, total: scan.pictures.length, path, cached });
  }
  return items;
}
