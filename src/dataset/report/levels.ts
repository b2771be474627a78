/** @file A picture as it is trained, as levels and light, for the measurements. */
import type { Size } from '../buckets.ts';

export interface TrainedPixels extends Size {
  /** Planar RGB 0 … 255, [3, height, width]. */
  readonly rgb: Float32Array;
  /** Luma (ITU-R BT.601), [height, width]. */
  readonly light: Float32Array;
}

/** From what `decodePicture` gives, [3, height, width] in [-1, 1]. */
export function trainedPixels(planes: Float32Array, { width, height }: Size): TrainedPixels {
  const rgb = planes.map(x => 127.5 * (x + 1));
  const area = width * height;
  const light = new Float32Array(area);
  for (let i = 0; i < area; i++)
    light[i] = 0.299 * rgb[i] + 0.587 * rgb[area + i] + 0.114 * rgb[2 * area + i];
  return { width, height, rgb, light };
}

/** Counts of whole levels. */
export function histogram(light: Float32Array, isCounted?: (index: number) => boolean): Float64Array {
  const counts = new Float64Array(256);
  for (let i = 0; i < light.length; i++) {
    if (!isCounted || isCounted(i)) counts[Math.min(255, Math.max(0, Math.round(light[i])))]++;
  }
  return counts;
}

/** The level below which this share lies. */
export function percentile(counts: Float64Array, share: number): number {
  const goal = share * counts.reduce((a, b) => a + b, 0);
  let sum = 0;
  for (let level = 0; level < counts.length; level++) {
    sum += counts[level];
    if (sum >= goal) return level;
  }
  return counts.length - 1;
}
