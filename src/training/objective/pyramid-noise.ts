/** @file Noise of many resolutions on top of plain noise (Whitaker, "Multi-Resolution Noise"; sd-scripts, pyramid_noise_like). */
import type { RandomStream } from '../../engine/index.ts';

export interface Pyramid {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** At most so many levels; fewer where one is a single row or column. */
  readonly levels: number;
  /** Level i counts discountⁱ. */
  readonly discount: number;
  /** Uniform: how much smaller each level is. */
  readonly ratios: RandomStream;
  readonly normals: RandomStream;
}

/** Where pixel `i` of `size` lies among `from` pixels: two neighbours, and the share of the second. */
function between(i: number, size: number, from: number): readonly [number, number, number] {
  const place = Math.max(0, ((i + 0.5) * from) / size - 0.5);
  const low = Math.floor(place);
  return [low, Math.min(low + 1, from - 1), place - low];
}

interface Plane {
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
}

/** Adds `factor` times a plane, enlarged to height × width by linear interpolation between centres of pixels. */
function addEnlarged(into: Plane, from: Plane, factor: number): void {
  const columns = Array.from({ length: into.width }, (_, x) => between(x, into.width, from.width));
  for (let y = 0; y < into.height; y++) {
    const [above, below, down] = between(y, into.height, from.height);
    for (const [x, [left, right, along]] of columns.entries()) {
      const at = (row: number): number =>
        from.data[row * from.width + left] * (1 - along) + from.data[row * from.width + right] * along;
      into.data[y * into.width + x] += factor * (at(above) * (1 - down) + at(below) * down);
    }
  }
}

/** Divides by the standard deviation (of n − 1). */
function normalise(noise: Float32Array): void {
  let [sum, squares] = [0, 0];
  for (const x of noise) sum += x;
  const mean = sum / noise.length;
  for (const x of noise) squares += (x - mean) ** 2;
  const deviation = Math.sqrt(squares / (noise.length - 1));
  for (let i = 0; i < noise.length; i++) noise[i] /= deviation;
}

/** Adds the pyramid to noise [channels, height, width] in place, and scales all of it back to unit deviation. */
export function addPyramid(noise: Float32Array, pyramid: Pyramid): void {
  const { channels, height, width, levels, discount, ratios, normals } = pyramid;
  const pixels = height * width;
  for (let level = 0; level < levels; level++) {
    const shrink = (2 + 2 * ratios.uniform()) ** level;
    const [rows, columns] = [height, width].map(side => Math.max(1, Math.floor(side / shrink)));
    for (let channel = 0; channel < channels; channel++) {
      const from = { data: normals.normals(rows * columns), height: rows, width: columns };
      const data = noise.subarray(channel * pixels, (channel + 1) * pixels);
      addEnlarged({ data, height, width }, from, discount ** level);
    }
    if (rows === 1 || columns === 1) break;
  }
  normalise(noise);
}
