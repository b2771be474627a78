/** @file What an inpainting checkpoint reads beside the noisy latent when there is only a prompt. */
import { everythingMasked, inpaintChannels } from '../diffusion/index.ts';
import type { SessionOptions, Tensor } from '../engine/index.ts';
import { type Checkpoint, openVaeEncoder } from '../models/index.ts';

interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/**
 * Opens a source of those channels, [1, 1 + c, h/8, w/8]; undefined for other checkpoints. Kept for the size that was
 * asked for last, the encoder is not.
 */
export function openInpaintInput(
  checkpoint: Checkpoint,
  options: SessionOptions,
): (size: PictureSize) => Promise<Tensor | undefined> {
  let kept: { readonly key: string; readonly channels: Tensor } | undefined;
  return async ({ width, height }) => {
    if (checkpoint.variant !== 'inpaint') return undefined;
    const key = `${width}x${height}`;
    if (kept?.key === key) return kept.channels;
    const encoder = openVaeEncoder(checkpoint, options);
    try {
      const channels = await inpaintChannels(everythingMasked({ width, height }), encoder.encode);
      kept = { key, channels };
      return channels;
    } finally {
      await encoder.release();
    }
  };
}
