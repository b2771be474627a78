/**
 * @file Sharpness as the width of edges: where light rises or falls all the way along a row or column, the height of
 * the edge divided by its steepest step. A blur of σ makes √(2π)·σ of a hard edge. What is out of focus on purpose does
 * no harm: the sharpest tenth of the edges counts.
 */
import type { TrainedPixels } from './levels.ts';

export interface Sharpness {
  /** Pixels; undefined when there are too few edges to say. */
  readonly edgeWidth: number | undefined;
  readonly edges: number;
}

/** Lower edges may be texture or noise. */
const leastHeight = 30;
/** A step back of less is noise, and does not end an edge. */
const noise = 1.5;
const countedShare = 0.1;

/** Calls `found` with the width of every edge along one line of pixels. */
function edgesAlong(
  light: Float32Array,
  start: number,
  step: number,
  count: number,
  found: (width: number) => void,
): void {
  let [direction, height, steepest] = [0, 0, 0];
  const close = (): void => {
    if (height >= leastHeight) found(height / steepest);
    [direction, height, steepest] = [0, 0, 0];
  };
  for (let i = 1; i < count; i++) {
    const difference = light[start + i * step] - light[start + (i - 1) * step];
    const rise = difference * direction;
    if (direction !== 0 && rise < -noise) close();
    if (Math.abs(difference) < noise) {
      // A flat stretch ends an edge, or two edges with a plateau between would be one wide edge.
      if (height > 0 && Math.abs(difference) < noise / 3) close();
      continue;
    }
    if (direction === 0) direction = Math.sign(difference);
    height += Math.abs(difference);
    steepest = Math.max(steepest, Math.abs(difference));
  }
  close();
}

/** Measures the sharpest edges of the picture as it is trained. */
export function sharpnessOf({ light, width, height }: TrainedPixels, fewestEdges: number): Sharpness {
  const widths: number[] = [];
  const found = (edge: number): void => void widths.push(edge);
  for (let y = 0; y < height; y++) edgesAlong(light, y * width, 1, width, found);
  for (let x = 0; x < width; x++) edgesAlong(light, x, width, height, found);
  if (widths.length < fewestEdges) return { edgeWidth: undefined, edges: widths.length };
  const sorted = Float64Array.from(widths).sort();
  return { edgeWidth: sorted[Math.floor(countedShare * sorted.length)], edges: widths.length };
}
