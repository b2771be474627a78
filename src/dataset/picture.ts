/** @file A picture file → training pixels: upright, sRGB, on white, scaled, cropped, in [-1, 1]. */

import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { badInput } from '../errors.ts';
import type { BucketAssignment, Size } from './buckets.ts';
import { enlarge, type InterleavedPixels, type Window } from './enlarge.ts';
import { firstLine } from './findings.ts';
import { openPicture } from './inspect.ts';

export interface PicturePlan extends BucketAssignment {
  /** Mirror left and right, after the crop. */
  flip?: boolean;
}

/** The picture has passed the scan's limit, which its user chose; this one only guards memory. */
const mostPixels = 1_000_000_000;

/** Reduces to `size` and cuts out `window`, or keeps the whole. */
async function readReduced(bytes: Uint8Array, size: Size, window?: Window): Promise<InterleavedPixels> {
  const reduced = openPicture(bytes, mostPixels)
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .resize(size.width, size.height, { fit: 'fill', kernel: 'lanczos3', fastShrinkOnLoad: false });
  const cut = window ? reduced.extract(window) : reduced;
  const { data, info } = await cut.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`${info.channels} colour channels instead of 3`);
  return { data, width: info.width, height: info.height, channels: info.channels };
}

function toPlanes({ data, width, height }: InterleavedPixels): Float32Array {
  const area = width * height;
  const planes = new Float32Array(3 * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) planes[c * area + i] = data[3 * i + c];
  }
  return planes; // [3, height, width]
}

/** Levels 0 … 255, planar [3, bucket height, bucket width]. */
async function readLevels(bytes: Uint8Array, { bucket, resized, crop }: PicturePlan): Promise<Float32Array> {
  const { width, height } = (await sharp(bytes, { limitInputPixels: mostPixels }).metadata()).autoOrient;
  const window: Window = { ...crop, width: bucket.width, height: bucket.height };
  if (resized.width <= width && resized.height <= height) {
    return toPlanes(await readReduced(bytes, resized, window));
  }
  const reduced = { width: Math.min(resized.width, width), height: Math.min(resized.height, height) };
  return enlarge(await readReduced(bytes, reduced), resized, window);
}

function mirror(planes: Float32Array, width: number): void {
  for (let start = 0; start < planes.length; start += width) planes.subarray(start, start + width).reverse();
}

/** Decodes picture bytes by the plan; `name` is for messages. The result is [3, bucket height, bucket width]. */
export async function decodePicture(
  bytes: Uint8Array,
  plan: PicturePlan,
  name: string,
): Promise<Float32Array> {
  const pixels = await readLevels(bytes, plan).catch((error: unknown) => {
    const message = `${name}: picture cannot be decoded: ${firstLine(error)}`;
    throw badInput('PICTURE_BROKEN', message, 'Mend or remove the picture.', error);
  });
  for (let i = 0; i < pixels.length; i++) pixels[i] = pixels[i] / 127.5 - 1;
  if (plan.flip) mirror(pixels, plan.bucket.width);
  return pixels;
}

/** Reads and decodes one picture file by the plan: planar RGB [3, bucket height, bucket width] in [-1, 1]. */
export async function loadPicture(path: string, plan: PicturePlan): Promise<Float32Array> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw badInput('FILE_UNREADABLE', `${path} cannot be opened: ${firstLine(error)}`, undefined, error);
  });
  return decodePicture(bytes, plan, path);
}
