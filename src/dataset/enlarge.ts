/**
 * @file Enlarges a small picture with a Lanczos-3 window, pixel centres aligned. libvips is used for reducing only:
 * its enlarging aligns the corners of pixels instead, which moves the picture by up to half a pixel.
 */

import type { Size } from './buckets.ts';

/** The part of the enlarged picture that is wanted. */
export interface Window extends Size {
  left: number;
  top: number;
}

export interface InterleavedPixels extends Size {
  data: Uint8Array;
  channels: number;
}

const lobes = 3;

function lanczos(x: number): number {
  if (x === 0) return 1;
  if (Math.abs(x) >= lobes) return 0;
  const angle = Math.PI * x;
  return (lobes * Math.sin(angle) * Math.sin(angle / lobes)) / (angle * angle);
}

interface Taps {
  first: number;
  /** Sum to 1; cut off at the border of the picture. */
  weights: number[];
}

/** Which source pixels make up each target pixel from `start` on. */
function windowTaps(source: number, target: number, start: number, count: number): Taps[] {
  return Array.from({ length: count }, (_, i) => {
    const centre = ((start + i + 0.5) * source) / target - 0.5;
    const first = Math.max(0, Math.ceil(centre - lobes));
    const last = Math.min(source - 1, Math.floor(centre + lobes));
    const raw = Array.from({ length: last - first + 1 }, (_, k) => lanczos(first + k - centre));
    const sum = raw.reduce((a, b) => a + b, 0);
    return { first, weights: raw.map(weight => weight / sum) };
  });
}

function clampLevel(x: number): number {
  return Math.min(255, Math.max(0, x));
}

/** One channel: columns first, then rows. */
function enlargeChannel(
  source: InterleavedPixels,
  channel: number,
  columns: Taps[],
  rows: Taps[],
): Float32Array {
  const { data, channels, width, height } = source;
  const wide = new Float64Array(height * columns.length); // [source height, target width]
  for (let y = 0; y < height; y++) {
    columns.forEach(({ first, weights }, x) => {
      let sum = 0;
      weights.forEach((weight, k) => {
        sum += weight * data[(y * width + first + k) * channels + channel];
      });
      wide[y * columns.length + x] = clampLevel(sum);
    });
  }
  const out = new Float32Array(rows.length * columns.length); // [target height, target width]
  rows.forEach(({ first, weights }, y) => {
    for (let x = 0; x < columns.length; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * wide[(first + k) * columns.length + x];
      out[y * columns.length + x] = clampLevel(sum);
    }
  });
  return out;
}

/** Enlarges to `target` and cuts out `window`; levels 0 … 255, planar [channels, window height, window width]. */
export function enlarge(source: InterleavedPixels, target: Size, window: Window): Float32Array {
  const columns = windowTaps(source.width, target.width, window.left, window.width);
  const rows = windowTaps(source.height, target.height, window.top, window.height);
  const area = window.width * window.height;
  const out = new Float32Array(source.channels * area);
  for (let c = 0; c < source.channels; c++) out.set(enlargeChannel(source, c, columns, rows), c * area);
  return out;
}
