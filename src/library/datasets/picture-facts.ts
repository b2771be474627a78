/** @file What the header of a picture says, without decoding it: enough for a list of thousands. */
import { open, readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { defaultLimits, readHeader, refuseFormat } from '../../dataset/index.ts';
import type { Fault } from './facts-cache.ts';

export interface HeaderFacts {
  readonly width: number;
  readonly height: number;
  readonly fault?: Fault | undefined;
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).trim().split('\n', 1)[0];

const faulty = (code: string, message: string): HeaderFacts => ({
  ...{ width: 0, height: 0 },
  fault: { code, message },
});

async function readStart(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const start = new Uint8Array(4096);
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    return start.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function sizeOf(path: string, start: Uint8Array): Promise<{ width: number; height: number }> {
  // libvips does not read BMP.
  if (start[0] === 0x42 && start[1] === 0x4d) return readHeader(await readFile(path));
  const { autoOrient } = await sharp(path, { limitInputPixels: false }).metadata();
  return autoOrient;
}

/** The limits are those of training; damage behind the header shows only when the picture is decoded. */
export async function headerFacts(path: string): Promise<HeaderFacts> {
  try {
    const start = await readStart(path);
    const refused = refuseFormat(start);
    if (refused) return faulty(refused.code, refused.reason);
    const { width, height } = await sizeOf(path, start);
    const { minSide, maxPixels } = defaultLimits;
    const size = `${width}×${height}`;
    if (width * height > maxPixels)
      return {
        ...faulty('PICTURE_TOO_LARGE', `${size}: more than ${maxPixels / 1e6} megapixels`),
        width,
        height,
      };
    if (Math.min(width, height) < minSide)
      return { ...faulty('PICTURE_TOO_SMALL', `${size}: each side needs ${minSide} pixels`), width, height };
    return { width, height };
  } catch (error) {
    const isSystem = error instanceof Error && 'syscall' in error;
    return isSystem
      ? faulty('FILE_UNREADABLE', `it cannot be opened: ${firstLine(error)}`)
      : faulty('PICTURE_BROKEN', `it cannot be decoded: ${firstLine(error)}`);
  }
}
