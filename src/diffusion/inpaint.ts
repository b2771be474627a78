/** @file What an inpainting UNet reads after the noisy latent: a mask, and the picture without what is masked. */
import type { Tensor } from '../engine/index.ts';

/** A picture of which a part is to be filled in. */
export interface MaskedPicture {
  readonly pixels: Tensor; // [1, 3, h, w] in −1 … 1
  /** 1 where it is to be filled in, else 0. [1, 1, h, w] */
  readonly mask: Tensor;
}

/** Nothing is known of the picture: what an inpainting model sees where there is only a prompt. */
export function everythingMasked({ width, height }: { width: number; height: number }): MaskedPicture {
  const area = width * height;
  return {
    pixels: { shape: [1, 3, height, width], data: new Float32Array(3 * area) },
    mask: { shape: [1, 1, height, width], data: new Float32Array(area).fill(1) },
  };
}

/** Mid-grey, 0, takes the place of what is masked. */
function hideMasked({ pixels, mask }: MaskedPicture): Tensor {
  const area = mask.data.length;
  return { shape: pixels.shape, data: pixels.data.map((x, i) => (mask.data[i % area] < 0.5 ? x : 0)) };
}

/** The nearest pixel of each cell, which torch's `interpolate` takes at the top left. */
function shrink({ shape, data }: Tensor, height: number, width: number): Tensor {
  const [, , fullHeight, fullWidth] = shape;
  const out = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    const from = Math.floor((y * fullHeight) / height) * fullWidth;
    for (let x = 0; x < width; x++) out[y * width + x] = data[from + Math.floor((x * fullWidth) / width)];
  }
  return { shape: [1, 1, height, width], data: out };
}

/**
 * The channels that SD's inpainting models were trained to read after the noisy latent, mask first (diffusers'
 * StableDiffusionInpaintPipeline, A1111's image conditioning): [1, 1 + c, h/8, w/8]. `encode` gives scaled latents.
 */
export async function inpaintChannels(
  picture: MaskedPicture,
  encode: (pixels: Tensor) => Promise<Tensor>,
): Promise<Tensor> {
  const latents = await encode(hideMasked(picture));
  const [, , height, width] = latents.shape;
  return joinChannels(shrink(picture.mask, height, width), latents);
}

/** Puts `others` [n or 1, b, h, w] behind the channels of x [n, a, h, w]; one of them serves for all n. */
export function joinChannels(x: Tensor, others: Tensor): Tensor {
  const [count, channels, height, width] = x.shape;
  const sizeX = x.data.length / count;
  const [countOthers, more] = others.shape;
  const sizeOthers = others.data.length / countOthers;
  const data = new Float32Array(count * (sizeX + sizeOthers));
  for (let i = 0; i < count; i++) {
    const start = i * (sizeX + sizeOthers);
    const from = (i % countOthers) * sizeOthers;
    data.set(x.data.subarray(i * sizeX, (i + 1) * sizeX), start);
    data.set(others.data.subarray(from, from + sizeOthers), start + sizeX);
  }
  return { shape: [count, channels + more, height, width], data };
}
