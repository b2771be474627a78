/**
 * @file Where in the picture something stands out, and how large it is, without any network: weights are the distance
 * from the ground's colour where the ground is plain, else the strength of edges. It sees place and size, not what the
 * subject does.
 */
import { groundDistance, labOf } from './colors.ts';
import type { Ground } from './ground.ts';
import type { TrainedPixels } from './levels.ts';
import { thresholds } from './thresholds.ts';

export interface Composition {
  /** Centre of what stands out, 0 … 1 from the left and from the top. */
  readonly x: number;
  readonly y: number;
  /** Root mean square distance from the centre, in parts of the side. */
  readonly size: number;
}

const cells = 32;

/** Calls `visit` with means of a grid of cells. */
function eachCell(
  { rgb, width, height }: TrainedPixels,
  visit: (cell: number, mean: [number, number, number]) => void,
): void {
  const area = width * height;
  for (let row = 0; row < cells; row++) {
    const [top, bottom] = [
      Math.floor((row * height) / cells),
      Math.max(1, Math.floor(((row + 1) * height) / cells)),
    ];
    for (let column = 0; column < cells; column++) {
      const [left, right] = [
        Math.floor((column * width) / cells),
        Math.max(1, Math.floor(((column + 1) * width) / cells)),
      ];
      const mean: [number, number, number] = [0, 0, 0];
      let count = 0;
      for (let y = Math.min(top, bottom - 1); y < bottom; y++) {
        for (let x = Math.min(left, right - 1); x < right; x++) {
          count++;
          for (let c = 0; c < 3; c++) mean[c] += rgb[c * area + y * width + x];
        }
      }
      visit(row * cells + column, [mean[0] / count, mean[1] / count, mean[2] / count]);
    }
  }
}

function edgeWeights(light: Float64Array): Float64Array {
  return light.map((middle, i) => {
    const right = i % cells < cells - 1 ? light[i + 1] : middle;
    const below = i < cells * (cells - 1) ? light[i + cells] : middle;
    return Math.hypot(right - middle, below - middle);
  });
}

/** Undefined when nothing stands out. */
export function compositionOf(pixels: TrainedPixels, ground: Ground): Composition | undefined {
  const isPlain = ground.share >= thresholds.plainGround;
  const distances = new Float64Array(cells * cells);
  const light = new Float64Array(cells * cells);
  eachCell(pixels, (cell, mean) => {
    const distance = groundDistance(labOf(mean), ground.lab);
    distances[cell] = Math.max(0, distance - thresholds.groundDifference / 2);
    light[cell] = 0.299 * mean[0] + 0.587 * mean[1] + 0.114 * mean[2];
  });
  const weights = isPlain ? distances.map(d => Math.min(1, d / 20)) : edgeWeights(light);
  let [sum, x, y] = [0, 0, 0];
  weights.forEach((weight, i) => {
    sum += weight;
    x += (weight * ((i % cells) + 0.5)) / cells;
    y += (weight * (Math.floor(i / cells) + 0.5)) / cells;
  });
  if (sum < 1e-3 * cells * cells) return undefined;
  [x, y] = [x / sum, y / sum];
  let spread = 0;
  weights.forEach((weight, i) => {
    const [dx, dy] = [((i % cells) + 0.5) / cells - x, (Math.floor(i / cells) + 0.5) / cells - y];
    spread += weight * (dx * dx + dy * dy);
  });
  return { x, y, size: Math.sqrt(spread / sum) };
}

export interface CompositionSpread {
  /** Standard deviations over the set: of the centre, in parts of the side, and of the logarithm of the size. */
  readonly x: number;
  readonly y: number;
  readonly size: number;
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

export function compositionSpread(compositions: readonly Composition[]): CompositionSpread | undefined {
  if (compositions.length < 2) return undefined;
  return {
    x: deviation(compositions.map(({ x }) => x)),
    y: deviation(compositions.map(({ y }) => y)),
    size: deviation(compositions.map(({ size }) => Math.log(Math.max(size, 1e-3)))),
  };
}
