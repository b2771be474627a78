/** @file What a step is made of where a test gives it by hand: forms of pictures, texts of captions. */
import type { PictureView } from '../../src/dataset/index.ts';
import type { Tensor } from '../../src/engine/index.ts';
import { type CaptionText, type CaptionTexts, tokensOf } from '../../src/training/captions.ts';

/** A picture that fills its bucket. */
export const plainView = (latents: Tensor): PictureView => ({ latents, crop: { left: 0, top: 0 } });

/** Texts by caption; the empty one must be among them. */
export function knownTexts(texts: Readonly<Record<string, CaptionText>>): CaptionTexts {
  return {
    tokens: tokensOf(texts['']),
    get: async captions => captions.map(caption => texts[caption]),
    release: async () => undefined,
  };
}
