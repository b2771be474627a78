/** @file A picture file → training pixels: upright, sRGB, on white, scaled, cropped, in [-1, 1]; a mask → levels. */

import { readFile } from 'node:fs/promises';
import sharp, { type Sharp } from 'sharp';
import { badInput } from '../errors.ts';
import type { BucketAssignment, Size } from './buckets.ts';
import { type ColourShift, shiftColours } from './colour.ts';
import { enlarge, type InterleavedPixels, type Window } from './enlarge.ts';
import { firstLine } from './findings.ts';
import { openPicture, readHeader } from './inspect.ts';

export interface PicturePlan extends BucketAssignment {
  /** Mirror left and right, after the crop. */
  flip?: boolean;
  colour?: ColourShift;
  /** What is transparent keeps its colour instead of becoming white. */
  keepsHidden?: boolean;
}

/** The picture has passed the scan's limit, which its user chose; this one only guards memory. */
const mostPixels = 1_000_000_000;

/** What is read of a file: its colours, on white or as if nothing were transparent, its alpha, or the red of a mask. */
type Part = 'colours' | 'colours as stored' | 'alpha' | 'red';

/** Without alpha before anything is scaled: scaling would weigh colours by it. */
async function withoutAlpha(bytes: Uint8Array): Promise<Sharp> {
  const { data, info } = await openPicture(bytes, mostPixels)
    .removeAlpha()
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return sharp(data, { raw: { width, height, channels }, limitInputPixels: mostPixels });
}

const openers: Readonly<Record<Part, (bytes: Uint8Array) => Sharp | Promise<Sharp>>> = {
  colours: bytes => openPicture(bytes, mostPixels).flatten({ background: '#ffffff' }).toColourspace('srgb'),
  'colours as stored': withoutAlpha,
  alpha: bytes => openPicture(bytes, mostPixels).extractChannel('alpha').toColourspace('b-w'),
  red: async bytes => (await withoutAlpha(bytes)).extractChannel('red').toColourspace('b-w'),
};

/** Reduces to `size` and cuts out `window`, or keeps the whole. */
async function readReduced(
  bytes: Uint8Array,
  part: Part,
  size: Size,
  window?: Window,
): Promise<InterleavedPixels> {
  const opened = await openers[part](bytes);
  const reduced = opened.resize(size.width, size.height, {
    fit: 'fill',
    kernel: 'lanczos3',
    fastShrinkOnLoad: false,
  });
  const cut = window ? reduced.extract(window) : reduced;
  const { data, info } = await cut.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  const wanted = part.startsWith('colours') ? 3 : 1;
  if (info.channels !== wanted) throw new Error(`${info.channels} colour channels instead of ${wanted}`);
  return { data, width: info.width, height: info.height, channels: info.channels };
}

function toPlanes({ data, width, height, channels }: InterleavedPixels): Float32Array {
  const area = width * height;
  const planes = new Float32Array(channels * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < channels; c++) planes[c * area + i] = data[channels * i + c];
  }
  return planes; // [channels, height, width]
}

/** Levels 0 … 255, planar [channels, bucket height, bucket width]. */
async function readLevels(
  bytes: Uint8Array,
  part: Part,
  { bucket, resized, crop, flip }: PicturePlan,
): Promise<Float32Array> {
  const { width, height } = await readHeader(bytes);
  const window: Window = { ...crop, width: bucket.width, height: bucket.height };
  const isReduced = resized.width <= width && resized.height <= height;
  const reduced = { width: Math.min(resized.width, width), height: Math.min(resized.height, height) };
  const levels = isReduced
    ? toPlanes(await readReduced(bytes, part, resized, window))
    : enlarge(await readReduced(bytes, part, reduced), resized, window);
  if (flip) mirror(levels, bucket.width);
  return levels;
}

function mirror(planes: Float32Array, width: number): void {
  for (let start = 0; start < planes.length; start += width) planes.subarray(start, start + width).reverse();
}

async function readPart(
  bytes: Uint8Array,
  part: Part,
  plan: PicturePlan,
  name: string,
): Promise<Float32Array> {
  return readLevels(bytes, part, plan).catch((error: unknown) => {
    const message = `${name}: picture cannot be decoded: ${firstLine(error)}`;
    throw badInput('PICTURE_BROKEN', message, 'Mend or remove the picture.', error);
  });
}

/** Decodes picture bytes by the plan; `name` is for messages. The result is [3, bucket height, bucket width]. */
export async function decodePicture(
  bytes: Uint8Array,
  plan: PicturePlan,
  name: string,
): Promise<Float32Array> {
  const part = plan.keepsHidden ? 'colours as stored' : 'colours';
  const pixels = await readPart(bytes, part, plan, name);
  if (plan.colour) shiftColours(pixels, plan.colour);
  for (let i = 0; i < pixels.length; i++) pixels[i] = pixels[i] / 127.5 - 1;
  return pixels;
}

/** Decodes a mask by the plan of its picture: [bucket height, bucket width], 0 … 1. `part` is where it is stored. */
export async function decodeMask(
  bytes: Uint8Array,
  part: 'alpha' | 'red',
  plan: PicturePlan,
  name: string,
): Promise<Float32Array> {
  const levels = await readPart(bytes, part, plan, name);
  return levels.map(level => level / 255);
}

/** Reads and decodes one picture file by the plan: planar RGB [3, bucket height, bucket width] in [-1, 1]. */
export async function loadPicture(path: string, plan: PicturePlan): Promise<Float32Array> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw badInput('FILE_UNREADABLE', `${path} cannot be opened: ${firstLine(error)}`, undefined, error);
  });
  return decodePicture(bytes, plan, path);
}
