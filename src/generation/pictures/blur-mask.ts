/** @file Softens masks with a Gaussian, byte for byte as OpenCV's `GaussianBlur` does for 8 bits (A1111, Forge). */
import type { Raster } from './raster.ts';

/** OpenCV's bits behind the point of a tap. */
const one = 256;

/** 2r + 1 taps that sum to 256; what rounding leaves over is carried inwards. r = ⌊2.5σ + ½⌋ is A1111's. */
function gaussianTaps(sigma: number): Int32Array {
  const radius = Math.trunc(2.5 * sigma + 0.5);
  const bell = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const sum = bell.reduce((a, b) => a + b, 0);
  const taps = new Int32Array(2 * radius + 1);
  let carried = 0;
  let total = 0;
  for (let i = 0; i < radius; i++) {
    const wanted = (bell[i] / sum) * one + carried;
    taps[i] = Math.round(wanted);
    taps[2 * radius - i] = taps[i];
    carried = wanted - taps[i];
    total += 2 * taps[i];
  }
  taps[radius] = one - total;
  return taps;
}

/** Beyond the border the picture is mirrored at the centre of its outermost pixel (reflect 101). */
function mirrored(at: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const within = ((at % period) + period) % period;
  return within < length ? within : period - within;
}

/** Softens lines of `length` bytes each, which are `step` apart; in place. */
function lineBlur(taps: Int32Array, length: number, step: number): (data: Uint8Array, start: number) => void {
  const radius = (taps.length - 1) / 2;
  const source = Int32Array.from(
    { length: length + 2 * radius },
    (_, i) => mirrored(i - radius, length) * step,
  );
  const line = new Uint8Array(source.length);
  return (data, start) => {
    for (let i = 0; i < line.length; i++) line[i] = data[start + source[i]];
    if (line.every(level => level === line[0])) return;
    for (let i = 0; i < length; i++) {
      let sum = one / 2;
      for (let k = 0; k < taps.length; k++) sum += taps[k] * line[i + k];
      data[start + step * i] = Math.min(255, sum >> 8);
    }
  };
}

/** A mask softened by `sigma` pixels: along rows, then columns, rounded between. */
export function blurMask(mask: Raster, sigma: number): Raster {
  const { width, height } = mask;
  const taps = gaussianTaps(sigma);
  if (taps.length === 1) return mask;
  const data = new Uint8Array(mask.data);
  const [alongRow, alongColumn] = [lineBlur(taps, width, 1), lineBlur(taps, height, width)];
  for (let y = 0; y < height; y++) alongRow(data, y * width);
  for (let x = 0; x < width; x++) alongColumn(data, x);
  return { width, height, data };
}
