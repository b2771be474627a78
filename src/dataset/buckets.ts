/**
 * @file Aspect buckets by kohya's rule: sizes of about the same area, each picture to the one of nearest aspect
 * ratio, scaled to cover it and cropped at the centre.
 */

import { usageError } from '../errors.ts';

export interface Size {
  width: number;
  height: number;
}

export interface BucketOptions {
  /** The size whose area no bucket exceeds. */
  resolution: Size;
  /** Shortest and longest side of a bucket. */
  min: number;
  max: number;
  /** Every side is a multiple of this: 64 for Stable Diffusion, smaller for small models. */
  step: number;
}

/** How one picture gets into its bucket. */
export interface BucketAssignment {
  bucket: Size;
  /** Size of the whole picture after scaling; covers the bucket. */
  resized: Size;
  /** Top left corner of the bucket in the resized picture. */
  crop: { left: number; top: number };
}

function checkOptions({ resolution, min, max, step }: BucketOptions): void {
  const sides = { width: resolution.width, height: resolution.height, min, max, step };
  for (const [name, value] of Object.entries(sides)) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw usageError('BUCKET_OPTIONS', `bucket ${name} must be a whole number of pixels, not ${value}`);
  }
  if (min % step !== 0 || max % step !== 0 || min > max) {
    const message = `bucket sides from ${min} to ${max} must be multiples of the step ${step}, the smaller first`;
    throw usageError('BUCKET_OPTIONS', message);
  }
}

/** All bucket sizes, in order of width, then height (kohya's `make_bucket_resolutions`). */
export function bucketSizes(options: BucketOptions): Size[] {
  checkOptions(options);
  const { resolution, min, max, step } = options;
  const area = resolution.width * resolution.height;
  const found = new Map<string, Size>();
  const add = (width: number, height: number) => found.set(`${width}x${height}`, { width, height });

  const square = Math.floor(Math.sqrt(area) / step) * step;
  if (square > 0) add(square, square);
  for (let width = min; width <= max; width += step) {
    const height = Math.min(max, Math.floor(Math.floor(area / width) / step) * step);
    if (height < min) continue;
    add(width, height);
    add(height, width);
  }
  if (found.size === 0) {
    const message = `no bucket fits ${resolution.width}x${resolution.height} with sides from ${min} and step ${step}`;
    throw usageError('BUCKET_OPTIONS', message, 'Use a larger resolution or a smaller step.');
  }
  return [...found.values()].sort((a, b) => a.width - b.width || a.height - b.height);
}

function centreCrop(resized: Size, bucket: Size): BucketAssignment {
  const left = Math.floor((resized.width - bucket.width) / 2);
  const top = Math.floor((resized.height - bucket.height) / 2);
  return { bucket, resized, crop: { left, top } };
}

/** Rounds half up, as kohya does. */
function roundPixels(x: number): number {
  return Math.floor(x + 0.5);
}

function scaleToCover(size: Size, bucket: Size): Size {
  const isWider = size.width / size.height > bucket.width / bucket.height;
  const scale = isWider ? bucket.height / size.height : bucket.width / size.width;
  return { width: roundPixels(size.width * scale), height: roundPixels(size.height * scale) };
}

/** Chooses the bucket of nearest aspect ratio; a picture of exactly a bucket's size stays as it is. */
export function assignBucket(size: Size, buckets: readonly Size[]): BucketAssignment {
  const aspect = size.width / size.height;
  let best = buckets[0];
  let bestError = Number.POSITIVE_INFINITY;
  for (const bucket of buckets) {
    if (bucket.width === size.width && bucket.height === size.height) return centreCrop(size, bucket);
    const error = Math.abs(bucket.width / bucket.height - aspect);
    if (error < bestError) {
      best = bucket;
      bestError = error;
    }
  }
  return centreCrop(scaleToCover(size, best), best);
}

/** Shrinks to the area so that one side is a whole number of steps; of the two ways, the truer aspect ratio. */
function shrinkToArea(size: Size, area: number, step: number): Size {
  const toSteps = (x: number): number => Math.max(step, roundPixels(x) - (roundPixels(x) % step));
  const aspect = size.width / size.height;
  const exactWidth = Math.sqrt(area * aspect);
  const byWidth = toSteps(exactWidth);
  const byHeight = toSteps(area / exactWidth);
  const widthError = Math.abs(byWidth / toSteps(byWidth / aspect) - aspect);
  const heightError = Math.abs(toSteps(byHeight * aspect) / byHeight - aspect);
  return widthError < heightError
    ? { width: byWidth, height: roundPixels(byWidth / aspect) }
    : { width: roundPixels(byHeight * aspect), height: byHeight };
}

/**
 * Chooses a bucket without ever enlarging (kohya's `bucket_no_upscale`): the bucket is the picture, shrunk to the
 * area if need be, with each side cut down to whole steps. Only a side below one step is enlarged, to one step.
 */
export function assignBucketWithoutEnlarging(size: Size, resolution: Size, step: number): BucketAssignment {
  const area = resolution.width * resolution.height;
  const resized = size.width * size.height > area ? shrinkToArea(size, area, step) : size;
  const bucket = {
    width: Math.max(step, resized.width - (resized.width % step)),
    height: Math.max(step, resized.height - (resized.height % step)),
  };
  const covers = resized.width >= bucket.width && resized.height >= bucket.height;
  return centreCrop(covers ? resized : scaleToCover(size, bucket), bucket);
}
