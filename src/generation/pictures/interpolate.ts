/** @file Scales latents as PyTorch's `torch.nn.functional.interpolate` with `align_corners=False`. */
import type { Tensor } from '../../engine/index.ts';
import type { Size } from './raster.ts';
import { cubic, type Kernel, kernels, type Taps, tapsOf } from './resample.ts';

export type Interpolation =
  | 'bilinear'
  | 'bilinear-antialiased'
  | 'bicubic'
  | 'bicubic-antialiased'
  | 'nearest'
  | 'nearest-exact';

type TapRule = (side: number, count: number) => Taps[];

/** Taps of a kernel that is not widened when the side shrinks; beyond the border the outermost value repeats. */
const repeating =
  (kernel: Kernel): TapRule =>
  (side, count) =>
    Array.from({ length: count }, (_, i) => {
      const centre = ((i + 0.5) * side) / count - 0.5;
      const start = Math.floor(centre) - kernel.reach + 1;
      const inside = (k: number): number => Math.min(side - 1, Math.max(0, k));
      const first = inside(start);
      const weights = new Array<number>(inside(start + 2 * kernel.reach - 1) - first + 1).fill(0);
      for (let k = start; k < start + 2 * kernel.reach; k++)
        weights[inside(k) - first] += kernel.at(k - centre);
      return { first, weights };
    });

/** One value each. Scale and product are rounded to float32 before the floor, as PyTorch does. */
const nearest =
  (shift: number): TapRule =>
  (side, count) => {
    const scale = Math.fround(side / count);
    return Array.from({ length: count }, (_, i) => {
      const at = Math.floor(Math.fround((i + shift) * scale));
      return { first: Math.min(side - 1, at), weights: [1] };
    });
  };

const tapRules: Readonly<Record<Interpolation, TapRule>> = {
  bilinear: repeating(kernels.triangle),
  'bilinear-antialiased': (side, count) => tapsOf(side, count, kernels.triangle),
  bicubic: repeating(cubic(-0.75)),
  'bicubic-antialiased': (side, count) => tapsOf(side, count, kernels.bicubic),
  nearest: nearest(0),
  'nearest-exact': nearest(0.5),
};

/** One plane: rows first, then columns. */
function scalePlane(
  plane: Float32Array,
  width: number,
  columns: readonly Taps[],
  rows: readonly Taps[],
): Float32Array {
  const height = plane.length / width;
  const wide = new Float64Array(height * columns.length); // [source height, target width]
  for (let y = 0; y < height; y++) {
    columns.forEach(({ first, weights }, x) => {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * plane[y * width + first + k];
      wide[y * columns.length + x] = sum;
    });
  }
  const out = new Float32Array(rows.length * columns.length); // [target height, target width]
  rows.forEach(({ first, weights }, y) => {
    for (let x = 0; x < columns.length; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * wide[(first + k) * columns.length + x];
      out[y * columns.length + x] = sum;
    }
  });
  return out;
}

/** Scales [n, c, h, w] to [n, c, height, width]. */
export function interpolate({ shape, data }: Tensor, { width, height }: Size, how: Interpolation): Tensor {
  const [count, channels, fromHeight, fromWidth] = shape;
  const [columns, rows] = [tapRules[how](fromWidth, width), tapRules[how](fromHeight, height)];
  const [area, newArea] = [fromWidth * fromHeight, width * height];
  const out = new Float32Array(count * channels * newArea);
  for (let plane = 0; plane < count * channels; plane++) {
    const from = data.subarray(plane * area, (plane + 1) * area);
    out.set(scalePlane(from, fromWidth, columns, rows), plane * newArea);
  }
  return { shape: [count, channels, height, width], data: out };
}
