/** @file What pictures are becoming, every few steps. */
import { type DrawingStep, latentPreview } from '../../../generation/index.ts';
import type { Checkpoint } from '../../../models/index.ts';
import type { JobContext } from '../../runner.ts';
import { jpegOf, smallJpeg } from '../small-picture.ts';

/** Pixels of a side, at most: sides of latents times a whole number. */
const mostSide = 512;

export interface LivePreviews {
  step(event: DrawingStep): void;
  /** The finished picture takes the place of its preview. */
  finished(index: number, bytes: Uint8Array): void;
  /** Waits for the last one. */
  end(): Promise<void>;
}

/** `preview-0` is the first picture of the job. A preview that fails costs no picture. */
export function openLivePreviews(
  { preview }: Pick<JobContext, 'preview'>,
  { family, latentScale }: Checkpoint,
  every: number,
): LivePreviews {
  let last: Promise<void> = Promise.resolve();
  const pass = (index: number, encode: () => Promise<Uint8Array>): void => {
    last = last.then(async () => preview(`preview-${index}`, await encode())).catch(() => undefined);
  };
  return {
    step({ step, steps, denoised, pictures }) {
      if (every === 0 || step % every !== 0 || step === steps) return;
      const [, ...shape] = denoised.shape; // [c, h, w]
      const size = shape.reduce((product, side) => product * side, 1);
      const [, height, width] = shape;
      const scale = Math.max(1, Math.min(latentScale, Math.floor(mostSide / Math.max(height, width))));
      for (const [i, index] of pictures.entries()) {
        const data = denoised.data.slice(i * size, (i + 1) * size); // the sampler goes on in it
        pass(index, () => jpegOf(latentPreview({ shape, data }, family, { scale })));
      }
    },
    finished(index, bytes) {
      if (every > 0) pass(index, () => smallJpeg(bytes));
    },
    end: () => last,
  };
}
