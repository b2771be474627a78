/**
 * @file Layers over pictures a band of rows at a time: what lies between two convolutions then stays in the
 * processor's cache, and memory holds little more than one whole activation. Small pictures are one band.
 */
import type { Value } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { ModelScope } from '../layers.ts';

/** Numbers of one band (8 MB): smaller ones make more nodes and are no faster; twice as many take 8 % longer to decode. */
const bandNumbers = 2 ** 21;

/** Rows of a band are a multiple of this, as Winograd's tiles and one doubling need it. */
const rowStep = 8;

/** Rows of a band for activations like `x`. */
export function bandRows(x: Pick<Value, 'shape'>): number {
  const [n, channels, height, width] = x.shape;
  const perRow = n * channels * width;
  if (perRow * height <= bandNumbers) return height;
  return Math.min(height, Math.max(rowStep, Math.floor(bandNumbers / perRow / rowStep) * rowStep));
}

/** Makes rows top … bottom of a picture of `height` rows with `make`, `rows` at a time. */
export function inBands(height: number, rows: number, make: (top: number, bottom: number) => Value): Value {
  const bands: Value[] = [];
  for (let top = 0; top < height; top += rows) bands.push(make(top, Math.min(height, top + rows)));
  return bands.length === 1 ? bands[0] : f.concat(bands, 2);
}

export const rowsOf = (x: Value, top: number, bottom: number): Value => f.slice(x, 2, top, bottom);

/** The 3×3 convolution that makes rows top … bottom, from what `input` gives for the rows it reads. */
export function convBand(
  scope: ModelScope,
  name: string,
  [top, bottom, height]: readonly [number, number, number],
  input: (top: number, bottom: number) => Value,
): Value {
  const x = input(Math.max(0, top - 1), Math.min(height, bottom + 1));
  return scope.conv2d(x, name, { pads: [top === 0 ? 1 : 0, 1, bottom === height ? 1 : 0, 1] });
}

/** Statistics of a group norm from bands: 1/std and −mean/std of each channel's group, [n, c, 1, 1] both. */
function groupStatistics(x: Value, groups: number, epsilon: number, rows: number): [Value, Value] {
  const [n, channels, height] = x.shape;
  const means = f.reduceMean(x, [2, 3]); // [n, c, 1, 1]
  const spread = (top: number, bottom: number): Value => {
    const squares = f.reduceMean(f.square(f.sub(rowsOf(x, top, bottom), means)), [2, 3]);
    return f.scale(squares, (bottom - top) / height);
  };
  const spreads: Value[] = [];
  for (let top = 0; top < height; top += rows) spreads.push(spread(top, Math.min(height, top + rows)));
  const grouped = (value: Value): Value => f.reshape(value, [n, groups, channels / groups]);
  const perChannel = (value: Value): Value =>
    f.reshape(f.expand(value, [n, groups, channels / groups]), [n, channels, 1, 1]);
  const mean = f.reduceMean(grouped(means), [2]); // [n, groups, 1]
  const within = f.reduceMean(grouped(spreads.reduce(f.add)), [2]);
  const between = f.reduceMean(f.square(f.sub(grouped(means), mean)), [2]);
  const std = f.sqrt(f.shift(f.add(within, between), epsilon));
  const inverse = f.div(f.floats(std, [1, 1, 1], [1]), std);
  return [perChannel(inverse), perChannel(f.neg(f.mul(mean, inverse)))];
}

/** Group norm and SiLU of rows of `x`; the statistics are those of all rows. */
export function normedRows(
  scope: ModelScope,
  x: Value,
  name: string,
  { groups, epsilon, rows }: { groups: number; epsilon: number; rows: number },
): (top: number, bottom: number) => Value {
  const [, channels, height] = x.shape;
  if (rows >= height) {
    const whole = f.silu(scope.groupNorm(x, name, groups, epsilon));
    return () => whole;
  }
  const [inverse, shift] = groupStatistics(x, groups, epsilon, rows);
  const gain = f.reshape(scope.weight(`${name}.weight`), [1, channels, 1, 1]);
  const bias = f.reshape(scope.weight(`${name}.bias`), [1, channels, 1, 1]);
  const factor = f.mul(inverse, gain);
  const summand = f.add(f.mul(shift, gain), bias);
  return (top, bottom) => f.silu(f.add(f.mul(rowsOf(x, top, bottom), factor), summand));
}
