/** @file What is kept of a picture to tell whether another one shows the same: small planes of light and colour. */
import { flattenedPixels } from './pixels.ts';

/** Side of the finest plane of light; the coarser ones have a half and a quarter of it. */
export const finestSide = 64;

export interface Likeness {
  /** Luma 0 … 255 of the whole picture stretched to a square, [64 · 64], [32 · 32], [16 · 16], finest first. */
  light: readonly Float32Array[];
  /** Blue and red difference (ITU-R BT.601 Cb and Cr, grey is 128), each [32 · 32]. */
  color: readonly [blue: Float32Array, red: Float32Array];
  /** Means of both. */
  tint: readonly [blue: number, red: number];
  /** Luma of the middle plane, smoothed, mean 0 and length 1; all 0 where the picture is flat. [16 · 16] */
  outline: Float32Array;
  /** Standard deviation of the finest plane. */
  spread: number;
}

/** Means over blocks of 2×2. [side · side] → [side/2 · side/2] */
export function halve(plane: Float32Array): Float32Array {
  const side = Math.sqrt(plane.length);
  const half = side / 2;
  const out = new Float32Array(half * half);
  for (let y = 0; y < half; y++) {
    for (let x = 0; x < half; x++) {
      const at = 2 * y * side + 2 * x;
      out[y * half + x] = (plane[at] + plane[at + 1] + plane[at + side] + plane[at + side + 1]) / 4;
    }
  }
  return out;
}

/** A 3×3 binomial filter, edges repeated. */
function smooth(plane: Float32Array): Float32Array {
  const side = Math.sqrt(plane.length);
  const clamp = (i: number): number => Math.min(side - 1, Math.max(0, i));
  const pass = (from: Float32Array, step: (x: number, y: number, d: number) => number): Float32Array =>
    from.map((middle, i) => {
      const [x, y] = [i % side, Math.floor(i / side)];
      return (from[step(x, y, -1)] + 2 * middle + from[step(x, y, 1)]) / 4;
    });
  const across = pass(plane, (x, y, d) => y * side + clamp(x + d));
  return pass(across, (x, y, d) => clamp(y + d) * side + x);
}

const mean = (values: Float32Array): number => values.reduce((a, b) => a + b, 0) / values.length;

function deviation(values: Float32Array): number {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, x) => sum + (x - middle) ** 2, 0) / values.length);
}

/** Below this spread of levels there is nothing to see but one colour. */
export const flatSpread = 1.5;

function unit(plane: Float32Array): Float32Array {
  const middle = mean(plane);
  const centred = plane.map(x => x - middle);
  const length = Math.sqrt(centred.reduce((sum, x) => sum + x * x, 0));
  return length < flatSpread * Math.sqrt(plane.length) ? centred.fill(0) : centred.map(x => x / length);
}

/**
 * Reads a picture file's bytes (any that the scan accepts) into what `groupAlike` compares. Throws what sharp throws
 * where they cannot be decoded.
 */
export async function describeLikeness(bytes: Uint8Array): Promise<Likeness> {
  return likenessOf(await flattenedPixels(bytes, finestSide));
}

/** The same of pixels that are there already: interleaved RGB of a picture stretched to 64×64. */
export function likenessOf(rgb: Uint8Array): Likeness {
  const planes = [0, 1, 2].map(() => new Float32Array(finestSide * finestSide));
  for (let i = 0; i < finestSide * finestSide; i++) {
    const [r, g, b] = [rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]];
    planes[0][i] = 0.299 * r + 0.587 * g + 0.114 * b;
    planes[1][i] = 128 + 0.564 * (b - planes[0][i]);
    planes[2][i] = 128 + 0.713 * (r - planes[0][i]);
  }
  const [fine, blue, red] = planes;
  const middle = halve(fine);
  const coarse = halve(middle);
  const color = [halve(blue), halve(red)] as const;
  const tint = [mean(blue), mean(red)] as const;
  return {
    light: [fine, middle, coarse],
    color,
    tint,
    outline: unit(smooth(coarse)),
    spread: deviation(fine),
  };
}
