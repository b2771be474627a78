/** @file Exposure: how light is spread over the levels, a plain white or black ground left out. */
import { histogram, percentile, type TrainedPixels } from './levels.ts';

export interface Exposure {
  /** Median of what is not plain ground. */
  readonly median: number;
  /** Level that only a fiftieth of the pixels lies below or above. */
  readonly shadows: number;
  readonly highlights: number;
  /** Level that the strongest channel of only two pixels in a thousand lies above: a red lamp is bright. */
  readonly brightest: number;
  /** From the level that a two-hundredth of the pixels lies below to the one that as many lie above. */
  readonly range: number;
  /** Share of pixels, ground left out, that have lost their colour at the upper end: two channels full, the third high. */
  readonly burntOut: number;
  /** Share that is black. */
  readonly drowned: number;
}

const white = 250;
const black = 5;
/** A full yellow or turquoise is drawn, not burnt out. */
const burntLeast = 120;

/** Marks pixels of one kind that hang together with the border. */
function groundOf(width: number, height: number, isGround: (index: number) => boolean): Uint8Array {
  const marked = new Uint8Array(width * height);
  const open: number[] = [];
  const visit = (index: number): void => {
    if (marked[index] || !isGround(index)) return;
    marked[index] = 1;
    open.push(index);
  };
  for (let x = 0; x < width; x++) {
    visit(x);
    visit((height - 1) * width + x);
  }
  for (let y = 0; y < height; y++) {
    visit(y * width);
    visit(y * width + width - 1);
  }
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    const x = index % width;
    if (x > 0) visit(index - 1);
    if (x < width - 1) visit(index + 1);
    if (index >= width) visit(index - width);
    if (index < (height - 1) * width) visit(index + width);
  }
  return marked;
}

function borderShare(width: number, height: number, isGround: (index: number) => boolean): number {
  let [hits, all] = [0, 0];
  for (let i = 0; i < width * height; i++) {
    const x = i % width;
    if (i >= width && i < (height - 1) * width && x > 0 && x < width - 1) continue;
    all++;
    if (isGround(i)) hits++;
  }
  return hits / all;
}

/** A studio's white or black paper, which is no fault of the exposure: most of the border has it. */
const paperShare = 0.7;

export function exposureOf({ rgb, light, width, height }: TrainedPixels): Exposure {
  const area = width * height;
  const isWhite = (i: number): boolean => Math.min(rgb[i], rgb[area + i], rgb[2 * area + i]) >= white;
  const isBlack = (i: number): boolean => Math.max(rgb[i], rgb[area + i], rgb[2 * area + i]) <= black;
  const paper = [isWhite, isBlack].find(is => borderShare(width, height, is) >= paperShare);
  const ground = paper && groundOf(width, height, paper);
  const isBurnt = (i: number): boolean => {
    const [r, g, b] = [rgb[i], rgb[area + i], rgb[2 * area + i]];
    const least = Math.min(r, g, b);
    return least >= burntLeast && r + g + b - least - Math.max(r, g, b) >= white;
  };
  const isCounted = (i: number): boolean => !ground?.[i];
  const strongest = light.map((_, i) => Math.max(rgb[i], rgb[area + i], rgb[2 * area + i]));
  const counts = histogram(light, isCounted);
  let [burnt, drowned, all] = [0, 0, 0];
  for (let i = 0; i < area; i++) {
    if (!isCounted(i)) continue;
    all++;
    if (isBurnt(i)) burnt++;
    if (isBlack(i)) drowned++;
  }
  // A picture of nothing but paper is judged with it.
  if (all < 0.02 * area) {
    const whole = histogram(light);
    return {
      median: percentile(whole, 0.5),
      shadows: 0,
      highlights: 255,
      brightest: 255,
      range: 255,
      burntOut: 0,
      drowned: 0,
    };
  }
  return {
    median: percentile(counts, 0.5),
    shadows: percentile(counts, 0.02),
    highlights: percentile(counts, 0.98),
    brightest: percentile(histogram(strongest, isCounted), 0.998),
    range: percentile(counts, 0.995) - percentile(counts, 0.005),
    burntOut: burnt / all,
    drowned: drowned / all,
  };
}
