/**
 * @file Fills what is masked with the colours around it: ever finer blurs of the picture with its hole, one over the other
 * (A1111's masked content `fill`). Byte for byte as Pillow computes it.
 */
import { over255 } from './byte-arithmetic.ts';
import type { Raster } from './raster.ts';

/** Standard deviation of a blur in pixels, and how often it is laid over what is there; coarse first. */
const layers = [
  { sigma: 256, times: 1 },
  { sigma: 64, times: 1 },
  { sigma: 16, times: 2 },
  { sigma: 4, times: 4 },
  { sigma: 2, times: 2 },
] as const;

const boxesInGauss = 3;

/** Radius, with its fraction, of a box that three times over is a Gaussian (Gwosdek et al. 2011, eq. 7, 11 and 14). */
function boxRadius(sigma: number): number {
  const variance = sigma ** 2 / boxesInGauss;
  const whole = Math.floor((Math.sqrt(12 * variance + 1) - 1) / 2);
  const rest = ((2 * whole + 1) * (whole * (whole + 1) - 3 * variance)) / (6 * (variance - (whole + 1) ** 2));
  return Math.fround(whole + rest);
}

/** Three boxes over lines of `length` bytes, which are `step` apart, in place; the border repeats. */
function lineBlur(radius: number, length: number, step: number): (data: Uint8Array, start: number) => void {
  const whole = Math.floor(radius);
  // 24 bits behind the point: the weight of a whole pixel, and of the part of one at both ends.
  const inner = Math.floor(Math.fround(2 ** 24 / Math.fround(radius * 2 + 1)));
  const outer = Math.floor((2 ** 24 - (2 * whole + 1) * inner) / 2);
  const border = whole + 1;
  let line = new Uint8Array(length + 2 * border);
  let next = new Uint8Array(line.length);
  return (data, start) => {
    for (let i = 0; i < length; i++) line[border + i] = data[start + step * i];
    for (let n = 0; n < boxesInGauss; n++) {
      line.fill(line[border], 0, border);
      line.fill(line[border + length - 1], border + length);
      let sum = 0;
      for (let i = 1; i < 2 * border; i++) sum += line[i];
      for (let i = 0; i < length; i++) {
        const [before, after] = [line[i], line[i + 2 * border]];
        next[border + i] = (sum * inner + (before + after) * outer + 2 ** 23) / 2 ** 24;
        sum += after - line[i + 1];
      }
      [line, next] = [next, line];
    }
    for (let i = 0; i < length; i++) data[start + step * i] = line[border + i];
  };
}

/** Blurs interleaved RGBA in place. */
function gaussianBlur(data: Uint8Array, width: number, height: number, sigma: number): void {
  const radius = boxRadius(sigma);
  const [alongRow, alongColumn] = [lineBlur(radius, width, 4), lineBlur(radius, height, 4 * width)];
  for (let y = 0; y < height; y++) for (let c = 0; c < 4; c++) alongRow(data, 4 * y * width + c);
  for (let i = 0; i < 4 * width; i++) alongColumn(data, i);
}

/** RGBA with colours weighed by alpha, and alpha 0 where the mask is white. */
export function withHole({ width, height, data }: Raster, mask: Raster): Raster {
  const out = new Uint8Array(4 * width * height);
  for (let i = 0; i < width * height; i++) {
    const kept = 255 - mask.data[i];
    for (let c = 0; c < 3; c++) out[4 * i + c] = over255(data[3 * i + c] * kept);
    out[4 * i + 3] = over255(255 * kept);
  }
  return { width, height, data: out };
}

/** A colour that was weighed by its alpha. */
function unweighed(level: number, alpha: number): number {
  return alpha === 0 || alpha === 255 ? level : Math.min(255, Math.floor((255 * level) / alpha));
}

/** Lays weighed RGBA `over` an unweighed RGBA `canvas`, in place, with 7 bits more than a byte on the way. */
export function layOver(canvas: Uint8Array, over: Uint8Array): void {
  for (let i = 0; i < canvas.length; i += 4) {
    const alpha = over[i + 3];
    if (alpha === 0) continue;
    const below = canvas[i + 3] * (255 - alpha);
    const both = 255 * alpha + below;
    const share = Math.floor((alpha * 255 * 255 * 128) / both);
    for (let c = 0; c < 3; c++) {
      const level = unweighed(over[i + c], alpha) * share + canvas[i + c] * (255 * 128 - share) + 128 * 128;
      canvas[i + c] = ((level >> 8) + level) >> 15;
    }
    canvas[i + 3] = over255(both);
  }
}

/** RGB of the same size: what is masked is filled, what is not stays; soft edges are mixed. */
export function fillMasked(picture: Raster, mask: Raster): Raster {
  const { width, height } = picture;
  const hole = withHole(picture, mask);
  const canvas = new Uint8Array(hole.data.length);
  for (const { sigma, times } of layers) {
    const blurred = hole.data.slice();
    gaussianBlur(blurred, width, height, sigma);
    for (let n = 0; n < times; n++) layOver(canvas, blurred);
  }
  layOver(canvas, hole.data);
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) data.set(canvas.subarray(4 * i, 4 * i + 3), 3 * i);
  return { width, height, data };
}
