/** @file Whether two pictures show nearly the same: coarse outlines first, then laid over each other ever more finely. */
import { align, type Fit, inPlace, measureFit, overlay, type Placement, worstBlock } from './align.ts';
import { flatSpread, type Likeness } from './describe.ts';

export interface PictureMatch extends Fit {
  readonly placement: Placement;
  readonly mirrored: boolean;
  /** Levels; see `worstBlock`. */
  readonly difference: number;
}

/**
 * Copies that were resized, compressed to quality 30, cut by up to a twelfth at a side, made a tenth brighter or
 * mirrored stay well within these; another pose of the same drawing does not (see the test).
 */
const limits = {
  /** Of coarse outlines, not laid over each other yet. */
  outline: 0.35,
  /** On the coarsest plane: what is worth a closer look, and what needs no other start. */
  found: 0.7,
  surelyFound: 0.97,
  /** On the finest and the middle plane. */
  correlation: [0.96, 0.9],
  /** Levels of 255: a limb that moved makes 30 and more in its block, edges that miss by a pixel up to 20. */
  worstBlock: 16,
  overlap: 0.7,
  /** Mean difference of colour, levels; recoloured drawings make 20 and more. */
  color: 10,
  /** Two pictures of one colour each: levels. */
  flat: 6,
} as const;

const dot = (a: Float32Array, b: Float32Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

/** Turns rows around, in any number of square planes of this side. */
function mirror(planes: Float32Array, side: number): Float32Array {
  return planes.map((_, i) => planes[i - (i % side) + side - 1 - (i % side)]);
}

function mirrored({ light, color, outline, spread }: Likeness): Likeness {
  return {
    light: light.map(plane => mirror(plane, Math.sqrt(plane.length))),
    color: mirror(color, Math.sqrt(color.length / 2)),
    outline: mirror(outline, Math.sqrt(outline.length)),
    spread,
  };
}

const mirrors = new WeakMap<Likeness, Likeness>();

function mirrorOf(likeness: Likeness): Likeness {
  let turned = mirrors.get(likeness);
  if (!turned) {
    turned = mirrored(likeness);
    mirrors.set(likeness, turned);
  }
  return turned;
}

/** Mean difference of the colour planes, levels; saturation may have followed the contrast of the light or not. */
function colorDifference(a: Likeness, b: Likeness, placement: Placement): number {
  const size = a.color.length / 2;
  let [plain, followed, n] = [0, 0, 0];
  for (const start of [0, size]) {
    const first = a.color.subarray(start, start + size);
    overlay(b.color.subarray(start, start + size), placement, (i, value) => {
      plain += Math.abs(first[i] - value);
      followed += Math.abs(first[i] - placement.gain * value);
      n++;
    });
  }
  return Math.min(plain, followed) / n;
}

const isFlat = ({ spread }: Likeness): boolean => spread < flatSpread;

function compareFlat(a: Likeness, b: Likeness): PictureMatch | undefined {
  if (!isFlat(a) || !isFlat(b)) return undefined;
  const light = Math.abs(a.light[0][0] - b.light[0][0]);
  if (Math.max(light, colorDifference(a, b, inPlace)) > limits.flat) return undefined;
  return { correlation: 1, overlap: 1, difference: light, placement: inPlace, mirrored: false };
}

/** A tenth cut off at the corners or around: least squares alone finds back from half of that. */
const starts: readonly Placement[] = [
  inPlace,
  ...[0.91, 1.1].flatMap(stretch =>
    [
      [0, 0],
      [1, 1],
      [1, -1],
      [-1, 1],
      [-1, -1],
    ].map(([x, y]) => ({
      ...inPlace,
      ...{ stretchX: stretch, stretchY: stretch, shiftX: 0.045 * x, shiftY: 0.045 * y },
    })),
  ),
];

/** The best place on the coarsest plane: from the most promising starts, as they are the costly part. */
function findPlace(first: Float32Array, second: Float32Array): Placement | undefined {
  let best: { placement: Placement; correlation: number } | undefined;
  const promising = starts
    .map(start => ({ start, correlation: measureFit(first, second, start).correlation }))
    .sort((a, b) => b.correlation - a.correlation)
    .slice(0, 3);
  for (const { start } of promising) {
    const placement = align(first, second, start, 6);
    if (!placement) continue;
    const { correlation, overlap } = measureFit(first, second, placement);
    if (overlap < limits.overlap || correlation <= (best?.correlation ?? limits.found)) continue;
    best = { placement, correlation };
    if (correlation > limits.surelyFound) break;
  }
  return best?.placement;
}

/** Lays `b` over `a` from the coarse plane to the fine one; undefined as soon as they differ too much. */
function compareOneWay(a: Likeness, b: Likeness): Omit<PictureMatch, 'mirrored'> | undefined {
  const [fine, middle, coarse] = [0, 1, 2];
  let placement = findPlace(a.light[coarse], b.light[coarse]);
  let fit: Fit | undefined;
  for (const plane of [middle, fine]) {
    placement &&= align(a.light[plane], b.light[plane], placement, 6);
    if (!placement) return undefined;
    fit = measureFit(a.light[plane], b.light[plane], placement);
    if (fit.correlation < limits.correlation[plane] || fit.overlap < limits.overlap) return undefined;
  }
  if (!fit || !placement || colorDifference(a, b, placement) > limits.color) return undefined;
  const difference = worstBlock(a.light[fine], b.light[fine], placement);
  return difference > limits.worstBlock ? undefined : { ...fit, placement, difference };
}

/** How the second picture is nearly the same as the first; undefined when it is not. */
export function comparePictures(a: Likeness, b: Likeness): PictureMatch | undefined {
  if (isFlat(a) || isFlat(b)) return compareFlat(a, b);
  for (const isMirrored of [false, true]) {
    const other = isMirrored ? mirrorOf(b) : b;
    if (dot(a.outline, other.outline) < limits.outline) continue;
    const match = compareOneWay(a, other);
    if (match) return { ...match, mirrored: isMirrored };
  }
  return undefined;
}
