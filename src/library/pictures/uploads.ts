/** @file Pictures that are uploaded to start from: re-encoded, so that what is kept and served is nothing that a stranger wrote. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { openPicture, type PictureFacts, readHeader, refuseFormat } from '../../dataset/index.ts';
import { badInput, LoraError } from '../../errors.ts';
import { resolveInside, writeFileAtomic } from '../../files/index.ts';
import type { DataFolder } from '../../workbench/index.ts';
import { receiveBytes } from '../receive.ts';
import { writeFault } from '../system-faults.ts';
import { openTurnstile } from './turns.ts';

export interface Upload {
  /** The first 32 hex digits of the sha256 of what is kept. */
  readonly id: string;
  readonly width: number;
  readonly height: number;
}

export const uploadLimits = { bytes: 64 * 2 ** 20, pixels: 40_000_000, side: 16_384 } as const;
const hint = 'Give a whole JPEG, PNG, WebP, AVIF, TIFF, GIF or BMP file.';
const idPattern = /^[0-9a-f]{32}$/;

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).trim().split('\n', 1)[0];

const broken = (error: unknown): LoraError =>
  badInput('PICTURE_BROKEN', `the picture cannot be decoded: ${firstLine(error)}`, hint, error);

async function headerOf(bytes: Uint8Array): Promise<Omit<PictureFacts, 'hash'>> {
  try {
    return await readHeader(bytes);
  } catch (error) {
    throw broken(error);
  }
}

/** Refuses by the header, before anything is decoded. Throws PICTURE_*. */
async function checkHeader(bytes: Uint8Array): Promise<void> {
  const refused = refuseFormat(bytes);
  if (refused) throw badInput(refused.code, `the picture: ${refused.reason}`, hint);
  const { width, height, frames } = await headerOf(bytes);
  const { pixels, side } = uploadLimits;
  const size = `${width}×${height}`;
  if (width * height > pixels || Math.max(width, height) > side) {
    const most = `${pixels / 1e6} megapixels, ${side} a side`;
    throw badInput('PICTURE_TOO_LARGE', `${size} pixels; the limit is ${most}`, 'Make it smaller first.');
  }
  if (frames > 1)
    throw badInput('PICTURE_ANIMATED', `the picture has ${frames} frames`, 'Give a single picture.');
}

/** Two at a time: each may take hundreds of megabytes. */
const inTurn = openTurnstile(2);

/** A picture as PNG: upright, sRGB, 8 bits, alpha kept, everything else gone. */
async function encoded(bytes: Uint8Array): Promise<{ png: Uint8Array; width: number; height: number }> {
  try {
    const { data, info } = await openPicture(bytes, uploadLimits.pixels)
      .toColourspace('srgb')
      .png({ compressionLevel: 6 })
      .toBuffer({ resolveWithObject: true });
    return { png: data, width: info.width, height: info.height };
  } catch (error) {
    throw broken(error);
  }
}

/** Keeps the bytes of a picture. The same picture again has the same id. Throws PICTURE_*, DISK_*. */
export async function keepUpload(data: DataFolder, bytes: Uint8Array): Promise<Upload> {
  await checkHeader(bytes);
  const { png, width, height } = await inTurn(() => encoded(bytes));
  const id = createHash('sha256').update(png).digest('hex').slice(0, 32);
  const path = join(data.uploads, `${id}.png`);
  try {
    const now = new Date();
    // Uploads go some days after they were given last.
    if (existsSync(path)) await utimes(path, now, now);
    else {
      await mkdir(data.uploads, { recursive: true });
      await writeFileAtomic(path, png);
    }
  } catch (cause) {
    throw writeFault('the upload', cause);
  }
  return { id, width, height };
}

/** Receives a picture. Throws UPLOAD_*, PICTURE_*, DISK_*. */
export async function saveUpload(data: DataFolder, stream: Readable): Promise<Upload> {
  const { bytes: mostBytes } = uploadLimits;
  return keepUpload(data, await receiveBytes(stream, { name: 'the picture', mostBytes }));
}

/** Throws UPLOAD_UNKNOWN. */
export function uploadPath(data: DataFolder, id: string): string {
  const path = idPattern.test(id) ? resolveInside(data.uploads, `${id}.png`) : '';
  if (path !== '' && existsSync(path)) return path;
  throw new LoraError('UPLOAD_UNKNOWN', `there is no upload ${id.slice(0, 64)}`, {
    hint: 'Uploads go after some days: upload the picture again.',
  });
}
