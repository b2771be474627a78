/** @file The ground (background) of a picture without any network: the colour that most of its border has. */
import { groundDistance, type Lab, labOf, type Rgb } from './colors.ts';
import type { TrainedPixels } from './levels.ts';
import { thresholds } from './thresholds.ts';

export interface Ground {
  readonly color: Rgb;
  readonly lab: Lab;
  /** Of the border that has about this colour. */
  readonly share: number;
}

/** The border is a tenth of the shorter side wide; subjects reach over the lower edge, so that one is left out. */
const borderPart = 0.1;
const mostSamples = 3000;

function borderColors({ rgb, width, height }: TrainedPixels): Rgb[] {
  const band = Math.max(1, Math.round(borderPart * Math.min(width, height)));
  const area = width * height;
  const places: number[] = [];
  for (let y = 0; y < height - band; y++) {
    for (let x = 0; x < width; x++) {
      if (y < band || x < band || x >= width - band) places.push(y * width + x);
    }
  }
  const step = Math.max(1, Math.floor(places.length / mostSamples));
  return places.filter((_, i) => i % step === 0).map(i => [rgb[i], rgb[area + i], rgb[2 * area + i]]);
}

function meanOf<Color extends Rgb | Lab>(colors: readonly Color[]): [number, number, number] {
  const sum: [number, number, number] = [0, 0, 0];
  for (const color of colors) for (let c = 0; c < 3; c++) sum[c] += color[c] / colors.length;
  return sum;
}

/** The fullest box of CIELAB, moved to the mean of what lies around it (two steps of mean shift). */
export function groundOf(pixels: TrainedPixels): Ground {
  const colors = borderColors(pixels);
  const labs = colors.map(labOf);
  const boxes = new Map<string, number[]>();
  for (const [i, lab] of labs.entries()) {
    const key = lab.map(x => Math.round(x / 14)).join(' ');
    const box = boxes.get(key);
    if (box) box.push(i);
    else boxes.set(key, [i]);
  }
  let inside = [...boxes.values()].reduce((a, b) => (b.length > a.length ? b : a));
  for (let step = 0; step < 2; step++) {
    const centre = meanOf(inside.map(i => labs[i]));
    inside = [...labs.keys()].filter(i => groundDistance(labs[i], centre) < thresholds.groundDifference);
    if (inside.length === 0) return { color: [128, 128, 128], lab: centre, share: 0 };
  }
  return {
    color: meanOf(inside.map(i => colors[i])),
    lab: meanOf(inside.map(i => labs[i])),
    share: inside.length / labs.length,
  };
}

export interface SharedGround {
  /** Indices of the pictures that have it. */
  readonly members: readonly number[];
  readonly color: Rgb;
  readonly lab: Lab;
}

/** The plain ground that most pictures have in common. */
export function commonGround(grounds: readonly Ground[]): SharedGround | undefined {
  const plain = [...grounds.keys()].filter(i => grounds[i].share >= thresholds.plainGround);
  let members: number[] = [];
  for (const centre of plain) {
    const near = plain.filter(
      i => groundDistance(grounds[i].lab, grounds[centre].lab) <= thresholds.groundDifference,
    );
    if (near.length > members.length) members = near;
  }
  if (members.length === 0) return undefined;
  return {
    members,
    color: meanOf(members.map(i => grounds[i].color)),
    lab: meanOf(members.map(i => grounds[i].lab)),
  };
}
