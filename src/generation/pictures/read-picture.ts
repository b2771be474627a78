/** @file Reads the picture that another is made from: upright, sRGB, on white, with what was transparent told apart. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { openPicture, readHeader, refuseFormat } from '../../dataset/index.ts';
import { badInput, type LoraError } from '../../errors.ts';
import { mixBytes } from './byte-arithmetic.ts';
import type { PictureFinding, Raster } from './raster.ts';

/** RGB, three bytes a pixel; what was transparent lies on white. */
export interface GivenPicture extends Raster {
  /** Of the file, hex. */
  readonly sha256: string;
  /** One byte a pixel, 0 = transparent; only where something is. */
  readonly alpha?: Uint8Array;
  readonly findings: readonly PictureFinding[];
}

/** Decoded, a picture of 100 megapixels takes 400 MB. */
const mostPixels = 100_000_000;
const mostFileBytes = 2 ** 28;

function tooLarge(name: string, size: string, limit: string): LoraError {
  return badInput(
    'PICTURE_TOO_LARGE',
    `${name}: ${size}; the limit is ${limit}`,
    'Make the picture smaller first.',
  );
}

function unreadable(name: string, reason: string, cause?: unknown): LoraError {
  const hint = 'Give a whole PNG, JPEG, WebP, AVIF, TIFF, GIF or BMP file.';
  return badInput('PICTURE_UNREADABLE', `${name}: ${reason}`, hint, cause);
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).trim().split('\n', 1)[0];

/** RGB on white and alpha out of interleaved RGB or RGBA. */
function splitAlpha(data: Uint8Array, channels: number): Pick<GivenPicture, 'data' | 'alpha'> {
  if (channels === 3) return { data };
  const area = data.length / 4;
  const rgb = new Uint8Array(3 * area);
  const alpha = new Uint8Array(area);
  for (let i = 0; i < area; i++) {
    alpha[i] = data[4 * i + 3];
    for (let c = 0; c < 3; c++) rgb[3 * i + c] = mixBytes(255, data[4 * i + c], alpha[i]);
  }
  return alpha.some(level => level < 255) ? { data: rgb, alpha } : { data: rgb };
}

async function decode(bytes: Uint8Array, name: string): Promise<Omit<GivenPicture, 'sha256'>> {
  const { width, height, frames } = await readHeader(bytes);
  if (width * height > mostPixels) {
    const size = `${width}×${height} is ${Math.ceil((width * height) / 1e6)} megapixels`;
    throw tooLarge(name, size, `${mostPixels / 1e6} megapixels`);
  }
  const { data, info } = await openPicture(bytes, mostPixels)
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3 && info.channels !== 4)
    throw new Error(`${info.channels} channels instead of 3 or 4`);
  const animated = `${name} holds ${frames} frames; the first is used`;
  return {
    ...{ width: info.width, height: info.height, ...splitAlpha(data, info.channels) },
    findings: frames > 1 ? [{ code: 'PICTURE_ANIMATED', message: animated }] : [],
  };
}

/**
 * Decodes the bytes of a picture file; `name` is for messages. Throws PICTURE_UNREADABLE for what is no whole picture
 * and PICTURE_TOO_LARGE before anything is decoded.
 */
export async function decodeGivenPicture(bytes: Uint8Array, name: string): Promise<GivenPicture> {
  const refused = refuseFormat(bytes);
  if (refused) throw unreadable(name, refused.reason);
  try {
    return { ...(await decode(bytes, name)), sha256: createHash('sha256').update(bytes).digest('hex') };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'PICTURE_TOO_LARGE') throw error;
    throw unreadable(name, `the picture is damaged: ${firstLine(error)}`, error);
  }
}

/** The bytes of a picture file. Throws PICTURE_NOT_FOUND, PICTURE_UNREADABLE and PICTURE_TOO_LARGE. */
export async function readPictureFile(path: string): Promise<Uint8Array> {
  try {
    const facts = await stat(path);
    if (facts.isDirectory()) throw unreadable(path, 'is a folder, not a picture');
    if (facts.size > mostFileBytes)
      throw tooLarge(path, `the file has ${facts.size} bytes`, `${mostFileBytes} bytes`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && error.name === 'LoraError') throw error;
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (isMissing)
      throw badInput('PICTURE_NOT_FOUND', `${path}: there is no such file`, 'Check the path.', error);
    throw unreadable(path, `cannot be opened: ${firstLine(error)}`, error);
  }
}

/** Reads a picture file. Throws as `readPictureFile` and `decodeGivenPicture`. */
export const readPicture = async (path: string): Promise<GivenPicture> =>
  decodeGivenPicture(await readPictureFile(path), path);
