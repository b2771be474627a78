/**
 * @file Changes the size of 8-bit rasters byte for byte as Pillow does (`Image.resize`), which A1111, Forge, ComfyUI and
 * diffusers use. libvips aligns enlarged pictures otherwise: a drawing at twice its size differed by 1.0 of 255 on average.
 */
import { channelsOf, type Raster, type Size } from './raster.ts';

/** A kernel over source pixels, zero from `reach` on. */
export interface Kernel {
  readonly reach: number;
  at(x: number): number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Keys 1981, with the slope a at 1. */
export function cubic(slope: number): Kernel {
  const at = (signed: number): number => {
    const x = Math.abs(signed);
    if (x < 1) return ((slope + 2) * x - (slope + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * slope : 0;
  };
  return { reach: 2, at };
}

export const kernels = {
  lanczos: { reach: 3, at: x => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
  bicubic: cubic(-0.5),
  triangle: { reach: 1, at: x => Math.max(0, 1 - Math.abs(x)) },
} as const satisfies Record<string, Kernel>;

/** Which source pixels make up one target pixel. */
export interface Taps {
  readonly first: number;
  /** Sum to 1; cut off at the border. */
  readonly weights: readonly number[];
}

/** Part of a side, in source pixels; it may be empty, which repeats what is at that place. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Taps for `count` pixels out of a span of a side; widened when they are fewer, so that nothing is passed over. */
export function tapsOf(
  side: number,
  count: number,
  kernel: Kernel,
  span: Span = { from: 0, to: side },
): Taps[] {
  const scale = (span.to - span.from) / count;
  const widening = Math.max(1, scale);
  const reach = kernel.reach * widening;
  return Array.from({ length: count }, (_, i) => {
    const centre = span.from + (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(side, Math.trunc(centre + reach + 0.5));
    const raw = Array.from({ length: end - first }, (_, k) =>
      kernel.at((first + k - centre + 0.5) * (1 / widening)),
    );
    const sum = raw.reduce((a, b) => a + b, 0);
    return { first, weights: sum === 0 ? raw : raw.map(weight => weight / sum) };
  });
}

/** Pillow's bits behind the point: taps are integers and sums of 32 bits, so that every machine rounds alike. */
const bits = 22;
const one = 2 ** bits;

const integerWeights = (weights: readonly number[]): Int32Array =>
  Int32Array.from(weights, weight => Math.trunc(weight * one + (weight < 0 ? -0.5 : 0.5)));

function clampByte(x: number): number {
  return Math.min(255, Math.max(0, x));
}

/** Width `taps.length`, height as it was. */
function resampleRows(raster: Raster, taps: readonly Taps[]): Raster {
  const channels = channelsOf(raster);
  const [width, height] = [taps.length, raster.height];
  const data = new Uint8Array(width * height * channels);
  const wholes = taps.map(({ weights }) => integerWeights(weights));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * raster.width + taps[x].first) * channels;
      const whole = wholes[x];
      for (let c = 0; c < channels; c++) {
        let sum = one / 2;
        for (let k = 0; k < whole.length; k++) sum += whole[k] * raster.data[from + k * channels + c];
        data[(y * width + x) * channels + c] = clampByte(sum >> bits);
      }
    }
  }
  return { width, height, data };
}

/** Height `taps.length`, width as it was. */
function resampleColumns(raster: Raster, taps: readonly Taps[]): Raster {
  const stride = raster.width * channelsOf(raster);
  const data = new Uint8Array(stride * taps.length);
  const sums = new Int32Array(stride);
  taps.forEach(({ first, weights }, y) => {
    sums.fill(one / 2);
    integerWeights(weights).forEach((weight, k) => {
      const from = (first + k) * stride;
      for (let i = 0; i < stride; i++) sums[i] += weight * raster.data[from + i];
    });
    for (let i = 0; i < stride; i++) data[y * stride + i] = clampByte(sums[i] >> bits);
  });
  return { width: raster.width, height: taps.length, data };
}

/** The whole raster in another size. */
export function resample(raster: Raster, { width, height }: Size, kernel: Kernel): Raster {
  const wide = width === raster.width ? raster : resampleRows(raster, tapsOf(raster.width, width, kernel));
  return height === wide.height ? wide : resampleColumns(wide, tapsOf(wide.height, height, kernel));
}

/** Rows that go on above a raster at its upper edge, or below it at its lower one, as an empty box of Pillow's gives. */
export function repeatEdgeRows(raster: Raster, edge: 'upper' | 'lower', count: number): Raster {
  const at = edge === 'upper' ? 0 : raster.height;
  return resampleColumns(raster, tapsOf(raster.height, count, kernels.bicubic, { from: at, to: at }));
}

/** As `repeatEdgeRows`, for columns at the left or the right. */
export function repeatEdgeColumns(raster: Raster, edge: 'left' | 'right', count: number): Raster {
  const at = edge === 'left' ? 0 : raster.width;
  return resampleRows(raster, tapsOf(raster.width, count, kernels.bicubic, { from: at, to: at }));
}

/** The pixel that the centre of each target pixel lies in; the steps are added up, as Pillow does. */
function nearestPixels(side: number, count: number): Int32Array {
  const step = side / count;
  let at = step / 2;
  return new Int32Array(count).map(() => {
    const pixel = Math.min(side - 1, Math.floor(at));
    at += step;
    return pixel;
  });
}

/** Every pixel of the target is one of the source. */
export function resampleNearest(raster: Raster, { width, height }: Size): Raster {
  const channels = channelsOf(raster);
  const data = new Uint8Array(width * height * channels);
  const [columns, rows] = [nearestPixels(raster.width, width), nearestPixels(raster.height, height)];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (rows[y] * raster.width + columns[x]) * channels;
      for (let c = 0; c < channels; c++) data[(y * width + x) * channels + c] = raster.data[from + c];
    }
  }
  return { width, height, data };
}
