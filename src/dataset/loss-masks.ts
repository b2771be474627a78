/** @file Where the loss of a picture counts: its mask, cropped as the picture is, as one number for each latent pixel. */
import type { Tensor } from '../engine/index.ts';
import type { Size } from './buckets.ts';
import { decodeMask, type PicturePlan } from './picture.ts';

/**
 * Mean of the pixels under each latent pixel, as torch's `interpolate(mode="area")`, which sd-scripts masks with.
 * [height, width] → [latent height, latent width]
 */
export function averageAreas(pixels: Float32Array, from: Size, to: Size): Float32Array {
  const out = new Float32Array(to.width * to.height);
  for (let y = 0; y < to.height; y++) {
    const top = Math.floor((y * from.height) / to.height);
    const bottom = Math.ceil(((y + 1) * from.height) / to.height);
    for (let x = 0; x < to.width; x++) {
      const left = Math.floor((x * from.width) / to.width);
      const right = Math.ceil(((x + 1) * from.width) / to.width);
      let sum = 0;
      for (let row = top; row < bottom; row++)
        for (let column = left; column < right; column++) sum += pixels[row * from.width + column];
      out[y * to.width + x] = sum / ((bottom - top) * (right - left));
    }
  }
  return out;
}

/** A file with a mask in it: a picture with its alpha, or a picture of the mask. */
export interface MaskSource {
  readonly bytes: Uint8Array;
  readonly part: 'alpha' | 'red';
  readonly name: string;
}

/** The mask of one form of a picture, nowhere below `outside`: [1, 1, latent height, latent width]. */
export async function makeLossMask(
  { bytes, part, name }: MaskSource,
  plan: PicturePlan,
  latent: Size,
  outside: number,
): Promise<Tensor> {
  const pixels = await decodeMask(bytes, part, plan, name);
  const data = averageAreas(pixels, plan.bucket, latent).map(share => Math.max(share, outside));
  return { shape: [1, 1, latent.height, latent.width], data };
}
