/** @file Whether two pictures show nearly the same: coarse outlines first, then laid over each other ever more finely. */
import { align, type Fit, inPlace, isPlausible, measureFit, type Placement, worstBlock } from './align.ts';
import { flatSpread, type Likeness } from './describe.ts';

export interface PictureMatch extends Fit {
  readonly placement: Placement;
  readonly mirrored: boolean;
  /** Of light and of colour, in levels; see `worstBlock`. */
  readonly difference: number;
  readonly tone: number;
}

/**
 * Copies that were resized, compressed to quality 20, cut by a twentieth at each side, made a tenth brighter or
 * mirrored stay within these; another pose of the same drawing does not (see the test).
 */
const limits = {
  /** Of coarse outlines, not laid over each other yet. Copies that were cut have 0.7 and more, most others less. */
  outline: 0.6,
  /** On the coarsest plane at the best start. Cut copies have 0.5 and more. */
  start: 0.45,
  /** On the coarsest plane: what is worth a closer look, and what needs no other start. */
  found: 0.7,
  surelyFound: 0.97,
  /** On the finest and the middle plane. */
  correlation: [0.96, 0.9],
  /** Levels of 255. Tried: copies of drawings and photographs up to 15. */
  worstBlock: 16,
  overlap: 0.7,
  /** Levels of colour. Tried: copies up to 16, an arm that moved before a ground of its own lightness 24. */
  color: 19,
  /** Of mean colours, before a closer look: what is cut off moves them, too. */
  tint: 18,
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

function mirrored({ light, color, outline, ...same }: Likeness): Likeness {
  return {
    ...same,
    light: light.map(plane => mirror(plane, Math.sqrt(plane.length))),
    color: [mirror(color[0], 32), mirror(color[1], 32)],
    outline: mirror(outline, Math.sqrt(outline.length)),
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

/** Blocks of the colour planes as large as those of 8×8 in the finest plane of light. */
const colorBlock = 4;

/** The largest difference of colour in a block; saturation may have followed the contrast of the light or not. */
function colorDifference(a: Likeness, b: Likeness, placement: Placement): number {
  const worst = (gain: number): number => {
    const place = { ...placement, gain, offset: 128 * (1 - gain) };
    return Math.max(...a.color.map((plane, i) => worstBlock(plane, b.color[i], place, colorBlock)));
  };
  const plain = worst(1);
  return plain > limits.color ? Math.min(plain, worst(placement.gain)) : plain;
}

const isFlat = ({ spread }: Likeness): boolean => spread < flatSpread;

function compareFlat(a: Likeness, b: Likeness): PictureMatch | undefined {
  if (!isFlat(a) || !isFlat(b)) return undefined;
  const light = Math.abs(a.light[0][0] - b.light[0][0]);
  if (Math.max(light, colorDifference(a, b, inPlace)) > limits.flat) return undefined;
  return { correlation: 1, overlap: 1, difference: light, tone: 0, placement: inPlace, mirrored: false };
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
    .filter(({ correlation }) => correlation >= limits.start)
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
  if (!fit || !placement || !isPlausible(placement)) return undefined;
  const difference = worstBlock(a.light[fine], b.light[fine], placement);
  if (difference > limits.worstBlock) return undefined;
  const tone = colorDifference(a, b, placement);
  return tone > limits.color ? undefined : { ...fit, placement, difference, tone };
}

/** How the second picture is nearly the same as the first; undefined when it is not. */
export function comparePictures(a: Likeness, b: Likeness): PictureMatch | undefined {
  if (isFlat(a) || isFlat(b)) return compareFlat(a, b);
  if (Math.hypot(a.tint[0] - b.tint[0], a.tint[1] - b.tint[1]) > limits.tint) return undefined;
  for (const isMirrored of [false, true]) {
    const other = isMirrored ? mirrorOf(b) : b;
    if (dot(a.outline, other.outline) < limits.outline) continue;
    const match = compareOneWay(a, other);
    if (match) return { ...match, mirrored: isMirrored };
  }
  return undefined;
}
