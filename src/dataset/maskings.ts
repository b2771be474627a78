/** @file The masked forms of a picture that an inpainting model is trained on, encoded before the first step. */
import { everythingMasked, inpaintChannels } from '../diffusion/index.ts';
import type { Tensor } from '../engine/index.ts';
import { cacheKey, type LatentSource } from './cache.ts';
import type { Keep, Kept } from './keep.ts';
import { drawMask, maskRule } from './masks.ts';

/** Encodes the masked forms of one view of a picture, as many as `maskRule.count`. */
export type MaskingEncoder = (
  view: LatentSource,
  path: string,
  pixels: () => Promise<Tensor>,
) => Promise<Kept[]>;

/** With everything hidden, all pictures of a bucket are the same. */
function sourceOfEverything({ plan: { bucket }, encoderHash }: LatentSource): LatentSource {
  const plan = { bucket, resized: bucket, crop: { left: 0, top: 0 } };
  return { pictureHash: '', plan, encoderHash, mask: 'everything' };
}

export function openMaskingEncoder(encode: (pixels: Tensor) => Promise<Tensor>, keep: Keep): MaskingEncoder {
  const hidden = new Map<string, Kept>();
  const everything = async (view: LatentSource, path: string): Promise<Kept> => {
    const { bucket } = view.plan;
    const key = cacheKey(sourceOfEverything(view));
    const known =
      hidden.get(key) ?? (await keep(key, path, () => inpaintChannels(everythingMasked(bucket), encode)));
    hidden.set(key, known);
    return known;
  };
  return async (view, path, pixels) => {
    const { pictureHash, plan } = view;
    const maskings = [await everything(view, path)];
    for (let index = 1; index < maskRule.count; index++) {
      const make = async (): Promise<Tensor> => {
        const mask = drawMask({ pictureHash, mirrored: plan.flip ?? false, index }, plan.bucket);
        return inpaintChannels({ pixels: await pixels(), mask }, encode);
      };
      maskings.push(await keep(cacheKey({ ...view, mask: { ...maskRule, index } }), path, make));
    }
    return maskings;
  };
}
