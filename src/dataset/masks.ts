/** @file Random masks to train inpainting models with: rectangles, ellipses, and one that hides everything. */
import { randomStream, type Tensor } from '../engine/index.ts';
import type { Size } from './buckets.ts';

/** Part of cache keys and of a run's fingerprint: whatever is changed here gives other masks. */
export const maskRule = {
  /** Raise it when the drawing below changes. */
  version: 1,
  /**
   * Masks a picture. The first hides everything: a quarter of all, as SD's inpainting models were trained (their model
   * cards), and what they see where there is only a prompt. Each of the others costs an encoding before training.
   */
  count: 4,
  /** Least share of the picture's side: what is less than a latent pixel wide would hide nothing. */
  leastSide: 0.25,
  ellipses: 0.5,
} as const;

/** Which masks a picture gets is decided by what it is, so that runs with other seeds find them in the cache. */
export interface MaskPlace {
  /** sha256 of the file, hex. */
  readonly pictureHash: string;
  readonly mirrored: boolean;
  /** From 1; 0 hides everything. */
  readonly index: number;
}

/** Draws one mask: 1 where the picture is hidden. [1, 1, height, width] */
export function drawMask({ pictureHash, mirrored, index }: MaskPlace, { width, height }: Size): Tensor {
  const seed = Number.parseInt(pictureHash.slice(0, 13), 16); // 52 bits, as many as a seed may have
  const random = randomStream(seed, 'inpaint mask', mirrored ? 1 : 0, index);
  const side = (full: number): number =>
    Math.round(full * (maskRule.leastSide + (1 - maskRule.leastSide) * random.uniform()));
  const [wide, high] = [side(width), side(height)];
  const [left, top] = [random.integer(width - wide + 1), random.integer(height - high + 1)];
  const isEllipse = random.uniform() < maskRule.ellipses;
  const data = new Float32Array(width * height);
  for (let y = 0; y < high; y++) {
    const v = (2 * y + 1) / high - 1;
    for (let x = 0; x < wide; x++) {
      const u = (2 * x + 1) / wide - 1;
      if (!isEllipse || u * u + v * v <= 1) data[(top + y) * width + left + x] = 1;
    }
  }
  return { shape: [1, 1, height, width], data };
}
