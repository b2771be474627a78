/** @file The whole picture as it is trained on (upright, sRGB, on white), stretched to a small square. */
import { openPicture } from '../inspect.ts';

/** Larger pictures have been left out by the scan. */
const mostPixels = 1_000_000_000;

/** Interleaved RGB, [side · side · 3]. */
export async function flattenedPixels(bytes: Uint8Array, side: number): Promise<Uint8Array> {
  const { data, info } = await openPicture(bytes, mostPixels)
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .resize(side, side, { fit: 'fill', kernel: 'cubic' })
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`${info.channels} colour channels instead of 3`);
  return data;
}
