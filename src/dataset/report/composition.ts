/**
 * @file Composition without any network: where in the picture there are edges, and whether that is the same place in
 * all pictures. Grounds that differ average out; a subject that is always at one place and of one size does not. It
 * sees place and size, not what the subject does.
 */
import type { TrainedPixels } from './levels.ts';

/** Cells along a side of the map. */
export const mapSide = 12;

/** Strength of edges by place, as its difference from the mean, length 1; all 0 where there are none. [12 · 12] */
export function edgeMap({ light, width, height }: TrainedPixels): Float64Array {
  const sums = new Float64Array(mapSide * mapSide);
  const counts = new Float64Array(mapSide * mapSide);
  for (let y = 0; y < height - 1; y++) {
    const row = mapSide * Math.floor((y * mapSide) / height);
    for (let x = 0; x < width - 1; x++) {
      const i = y * width + x;
      const cell = row + Math.floor((x * mapSide) / width);
      sums[cell] += Math.hypot(light[i + 1] - light[i], light[i + width] - light[i]);
      counts[cell]++;
    }
  }
  // The root keeps one hard edge from outweighing all else.
  const strengths = sums.map((sum, k) => Math.sqrt(sum / Math.max(1, counts[k])));
  const mean = strengths.reduce((a, b) => a + b, 0) / strengths.length;
  const centred = strengths.map(x => x - mean);
  const length = Math.sqrt(centred.reduce((sum, x) => sum + x * x, 0));
  return length < 1e-6 ? centred.fill(0) : centred.map(x => x / length);
}

export interface Composition {
  /** Mean correlation of any two maps: about 0.2 where subjects are anywhere, above 0.55 where always in one place. */
  readonly alike: number;
  /** Mean of all maps, scaled to 0 … 1, in rows. */
  readonly map: readonly number[];
}

/** Undefined for fewer than two pictures. */
export function compositionOf(maps: readonly Float64Array[]): Composition | undefined {
  const n = maps.length;
  if (n < 2) return undefined;
  const sums = new Float64Array(mapSide * mapSide);
  for (const map of maps)
    map.forEach((x, k) => {
      sums[k] += x;
    });
  const own = maps.reduce((sum, map) => sum + map.reduce((s, x) => s + x * x, 0), 0);
  const all = sums.reduce((sum, x) => sum + x * x, 0);
  const [low, high] = [Math.min(...sums), Math.max(...sums)];
  const map = [...sums].map(x => (high > low ? (x - low) / (high - low) : 0));
  return { alike: (all - own) / (n * (n - 1)), map };
}
