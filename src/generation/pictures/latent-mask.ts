/** @file Masks over latents, and what is masked there before the first step. */
import type { Tensor } from '../../engine/index.ts';
import type { MaskedContent } from '../settings/schema.ts';
import type { Raster, Size } from './raster.ts';
import { kernels, resample } from './resample.ts';

/** From here on a level is white. */
const white = 128;

/** 1 where a level is nearer to white, else 0. */
export const binaryOf = ({ data }: Raster): Float32Array =>
  new Float32Array(data.length).map((_, i) => (data[i] >= white ? 1 : 0));

/** The mask over latent pixels, h·w of 0 and 1: scaled by a bicubic, then rounded (A1111). */
export const latentMaskOf = (mask: Raster, latent: Size): Float32Array =>
  binaryOf(resample(mask, latent, kernels.bicubic));

/** `inside` where the mask [h·w] is 1, `outside` where it is 0; tensors [n, c, h, w]. */
export function blendLatents(inside: Tensor, outside: Tensor, mask: Float32Array): Tensor {
  const area = mask.length;
  const data = outside.data.map((x, i) => inside.data[i] * mask[i % area] + x * (1 - mask[i % area]));
  return { shape: outside.shape, data };
}

/**
 * What stands under the mask before noise is added: noise of its own (`latent-noise`), zeros (`latent-nothing`), or the
 * encoded picture, which is filled or as it was. Tensors [n, c, h, w], mask [h·w].
 */
export function maskedContentOf(
  content: MaskedContent,
  latents: Tensor,
  noise: Tensor,
  mask: Float32Array,
): Tensor {
  if (content === 'latent-noise') return blendLatents(noise, latents, mask);
  if (content !== 'latent-nothing') return latents;
  const area = mask.length;
  return { shape: latents.shape, data: latents.data.map((x, i) => x * (1 - mask[i % area])) };
}
