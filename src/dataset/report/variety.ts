/**
 * @file The effective number of different pictures: the Vendi score (Friedman and Dieng 2023, "The Vendi Score", eq. 2
 * and its weighted form), exp of the entropy of the eigenvalues of a similarity matrix. n pictures without likeness
 * count n, n copies count 1.
 */
import { matrix, svd } from '../../engine/index.ts';
import { halve, type Likeness } from '../likeness/likeness.ts';
import { labOf } from './colors.ts';

const side = 16;
const bins = 6;

/** What the similarity of two pictures is computed from. */
interface Features {
  /** Layout of light and dark, length 1. */
  readonly outline: Float32Array;
  /** Square roots of the shares of colours, length 1. */
  readonly colors: Map<number, number>;
}

/** From the coarse planes back to RGB, and into boxes of CIELAB. */
function featuresOf({ light, color, outline }: Likeness): Features {
  const coarse = light[light.length - 1];
  const [blues, reds] = color.map(halve);
  const counts = new Map<number, number>();
  for (let i = 0; i < side * side; i++) {
    const blue = coarse[i] + (blues[i] - 128) / 0.564;
    const red = coarse[i] + (reds[i] - 128) / 0.713;
    const green = (coarse[i] - 0.299 * red - 0.114 * blue) / 0.587;
    const [l, a, b] = labOf([red, green, blue]);
    const box = (x: number, from: number, to: number): number =>
      Math.min(bins - 1, Math.max(0, Math.floor((bins * (x - from)) / (to - from))));
    const key = (box(l, 0, 100) * bins + box(a, -60, 60)) * bins + box(b, -60, 60);
    counts.set(key, (counts.get(key) ?? 0) + 1 / (side * side));
  }
  return { outline, colors: new Map([...counts].map(([key, share]) => [key, Math.sqrt(share)])) };
}

/**
 * exp((cos - 1) / 0.3) of the layouts times the squared Bhattacharyya coefficient of the colours: both are positive
 * definite, and so is their product (Schur). 1 for the same picture, below 0.05 for two that have nothing in common.
 */
function similarity(a: Features, b: Features): number {
  let cosine = 0;
  for (let i = 0; i < a.outline.length; i++) cosine += a.outline[i] * b.outline[i];
  const isFlat = (features: Features): boolean => features.outline.every(x => x === 0);
  if (isFlat(a) && isFlat(b)) cosine = 1;
  let colors = 0;
  for (const [key, root] of a.colors) colors += root * (b.colors.get(key) ?? 0);
  return Math.exp((cosine - 1) / 0.3) * colors ** 2;
}

/** Eigenvalues of a symmetric, positive semidefinite matrix are its singular values. */
function spectrum(size: number, entry: (row: number, column: number) => number): Float64Array {
  const data = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) data[i * size + j] = data[j * size + i] = entry(i, j);
  return svd(matrix(size, size, data)).values;
}

/**
 * The effective number of different pictures.
 *
 * @param likenesses one for each group of nearly the same pictures
 * @param weights how often each group is shown in an epoch
 */
export function effectiveNumber(likenesses: readonly Likeness[], weights: readonly number[]): number {
  const features = likenesses.map(featuresOf);
  const total = weights.reduce((a, b) => a + b, 0);
  const shares = weights.map(weight => weight / total);
  const values = spectrum(features.length, (i, j) =>
    i === j ? shares[i] : Math.sqrt(shares[i] * shares[j]) * similarity(features[i], features[j]),
  );
  const sum = values.reduce((a, b) => a + b, 0);
  const entropy = values.reduce((h, value) => (value > 0 ? h - (value / sum) * Math.log(value / sum) : h), 0);
  return Math.exp(entropy);
}
