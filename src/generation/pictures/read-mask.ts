/** @file Reads the mask of a picture: white is filled in, black stays. */
import { type LoraError, usageError } from '../../errors.ts';
import type { PictureFinding, Raster, Size } from './raster.ts';
import { decodeGivenPicture, type GivenPicture, readPicture } from './read-picture.ts';
import { kernels, resample } from './resample.ts';

/** One byte a pixel, 255 = filled in. */
export interface GivenMask extends Raster {
  /** Of the file, hex. */
  readonly sha256: string;
  readonly findings: readonly PictureFinding[];
}

/** A1111's: levels above it are opaque. */
const opaqueAbove = 128;

/** ITU-R BT.601 in 16 bits, as Pillow turns colours grey. */
function luminance(rgb: Uint8Array): Uint8Array {
  return new Uint8Array(rgb.length / 3).map((_, i) => {
    const [r, g, b] = [rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]];
    return (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
  });
}

function maskOf(picture: GivenPicture, name: string): GivenMask {
  const { width, height, data, alpha, sha256, findings } = picture;
  if (!alpha) return { width, height, data: luminance(data), sha256, findings };
  const message = `mask ${name} is partly transparent: what is transparent is filled in, whatever its colours`;
  return {
    ...{ width, height, sha256 },
    data: alpha.map(level => (level > opaqueAbove ? 0 : 255)),
    findings: [...findings, { code: 'MASK_FROM_ALPHA', message }],
  };
}

/**
 * A mask out of the bytes of a picture file: its luminance, or where it is truly transparent, what is. Throws as
 * `decodeGivenPicture`; `name` is for messages.
 */
export async function decodeGivenMask(bytes: Uint8Array, name: string): Promise<GivenMask> {
  return maskOf(await decodeGivenPicture(bytes, name), name);
}

/** A mask out of a file. Throws as `readPicture`. */
export async function readMask(path: string): Promise<GivenMask> {
  return maskOf(await readPicture(path), path);
}

/** One shape, but for a pixel that rounding gave to a side. */
function isSameShape(a: Size, b: Size): boolean {
  return Math.abs(a.width * b.height - b.width * a.height) <= Math.max(a.width, a.height, b.width, b.height);
}

function wrongSize(mask: Size, picture: Size): LoraError {
  const message = `the mask is ${mask.width}×${mask.height}, its picture ${picture.width}×${picture.height}`;
  return usageError('MASK_SIZE', message, 'A mask covers the whole picture: give both the same shape.');
}

/** The mask in the size of its picture. Throws MASK_SIZE where it has another shape. */
export function matchMask(mask: Raster, picture: Size): { mask: Raster; findings: PictureFinding[] } {
  if (mask.width === picture.width && mask.height === picture.height) return { mask, findings: [] };
  if (!isSameShape(mask, picture)) throw wrongSize(mask, picture);
  const { width, height } = picture;
  const message = `the mask is scaled from ${mask.width}×${mask.height} to ${width}×${height}, the size of its picture`;
  return {
    mask: resample(mask, { width, height }, kernels.lanczos),
    findings: [{ code: 'MASK_SCALED', message }],
  };
}
