/** @file Drawn pictures of one made-up figure in many places, poses and lights, with the grain of a camera. */
import sharp from 'sharp';
import { type RandomStream, randomStream } from '../../../src/engine/index.ts';

/** What the figure of a set looks like. */
export interface Figure {
  readonly skin: string;
  readonly coat: string;
  readonly hat: string;
  readonly eyes: number;
}

export interface Scene {
  readonly width: number;
  readonly height: number;
  readonly place: Place;
  readonly figure: Figure;
  /** Centre and size in parts of the shorter side. */
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly pose: string;
  readonly light: string;
}

export interface Place {
  readonly name: string;
  readonly draw: (width: number, height: number, random: RandomStream) => string;
}

const pick = <T>(random: RandomStream, from: readonly T[]): T => from[random.integer(from.length)];
const between = (random: RandomStream, low: number, high: number): number =>
  low + (high - low) * random.uniform();

const hsl = (hue: number, saturation: number, lightness: number): string =>
  `hsl(${Math.round(hue)},${Math.round(saturation)}%,${Math.round(lightness)}%)`;

function blobs(
  random: RandomStream,
  count: number,
  width: number,
  height: number,
  color: () => string,
): string {
  return Array.from({ length: count }, () => {
    const [x, y] = [between(random, 0, width), between(random, 0, height)];
    const r = between(random, 0.02, 0.09) * width;
    return `<ellipse cx="${x}" cy="${y}" rx="${r}" ry="${r * between(random, 0.5, 1)}" fill="${color()}"/>`;
  }).join('');
}

/** A ground of one hue, with a floor and things on it. */
function plain(name: string, hue: number, saturation: number, lightness: number): Place {
  return {
    name,
    draw: (width, height, random) => {
      const tone = (by: number): string => hsl(hue, saturation, lightness + by);
      const things = blobs(random, 5, width, height, () => tone(between(random, -7, 7)));
      const floor = between(random, 0.75, 0.9) * height;
      return `<rect width="${width}" height="${height}" fill="${tone(0)}"/>${things}<rect y="${floor}" width="${width}" height="${height - floor}" fill="${tone(-9)}"/>`;
    },
  };
}

const hills: Place = {
  name: 'in the hills',
  draw: (width, height, random) => {
    const horizon = between(random, 0.4, 0.6) * height;
    const layers = [0, 1, 2].map(i => {
      const top = horizon + (i * (height - horizon)) / 3;
      const peak = top - between(random, 0.05, 0.2) * height;
      const colour = hsl(95 + 15 * i, 35, 40 - 8 * i);
      return `<path d="M0 ${top}Q${between(random, 0.1, 0.4) * width} ${peak} ${width / 2} ${top}T${width} ${top}V${height}H0Z" fill="${colour}"/>`;
    });
    const sun = `<circle cx="${between(random, 0.1, 0.9) * width}" cy="${horizon * 0.4}" r="${0.06 * width}" fill="#ffe9a8"/>`;
    return `<rect width="${width}" height="${height}" fill="${hsl(205, 55, 76)}"/>${sun}${layers.join('')}`;
  },
};

const street: Place = {
  name: 'in a street',
  draw: (width, height, random) => {
    const houses = Array.from({ length: 6 }, (_, i) => {
      const [w, h] = [width / 6, between(random, 0.4, 0.85) * height];
      const windows = Array.from({ length: 6 }, (_, k) => {
        const [x, y] = [
          i * w + w * (0.2 + 0.4 * (k % 2)),
          height - h + 0.1 * h + Math.floor(k / 2) * 0.2 * h,
        ];
        return `<rect x="${x}" y="${y}" width="${0.2 * w}" height="${0.1 * h}" fill="#f3e3ad"/>`;
      });
      return `<rect x="${i * w}" y="${height - h}" width="${w}" height="${h}" fill="${hsl(between(random, 0, 360), 22, between(random, 38, 62))}"/>${windows.join('')}`;
    });
    return `<rect width="${width}" height="${height}" fill="${hsl(28, 40, 74)}"/>${houses.join('')}<rect y="${0.9 * height}" width="${width}" height="${0.1 * height}" fill="#55565c"/>`;
  },
};

const shore: Place = {
  name: 'at the shore',
  draw: (width, height, random) => {
    const line = between(random, 0.35, 0.5) * height;
    const waves = Array.from({ length: 7 }, (_, i) => {
      const y = line + (i + 0.5) * 0.05 * height;
      return `<path d="M0 ${y}q${width / 8} ${-0.02 * height} ${width / 4} 0t${width / 4} 0t${width / 4} 0t${width / 4} 0" stroke="#dff2f4" stroke-width="2.5" fill="none"/>`;
    });
    return `<rect width="${width}" height="${height}" fill="${hsl(195, 40, 82)}"/><rect y="${line}" width="${width}" height="${height}" fill="${hsl(190, 50, 42)}"/>${waves.join('')}<rect y="${0.8 * height}" width="${width}" height="${0.2 * height}" fill="${hsl(42, 52, 68)}"/>`;
  },
};

const wood: Place = {
  name: 'between trees',
  draw: (width, height, random) => {
    const trees = Array.from({ length: 9 }, () => {
      const [x, w] = [between(random, 0, width), between(random, 0.02, 0.05) * width];
      const crown = `<circle cx="${x}" cy="${between(random, 0.1, 0.4) * height}" r="${4 * w}" fill="${hsl(between(random, 90, 150), 40, between(random, 22, 45))}"/>`;
      return `<rect x="${x - w / 2}" y="${0.15 * height}" width="${w}" height="${height}" fill="${hsl(25, 35, between(random, 20, 34))}"/>${crown}`;
    });
    return `<rect width="${width}" height="${height}" fill="${hsl(75, 30, 66)}"/>${trees.join('')}`;
  },
};

/** Places of a set without a fault; no colour has most of them. */
export const places: readonly Place[] = [
  hills,
  street,
  shore,
  wood,
  plain('before a blue wall', 215, 45, 58),
  plain('in a yellow room', 48, 62, 66),
  plain('on green cloth', 135, 35, 45),
  plain('before grey stones', 220, 4, 55),
  plain('on a wooden floor', 28, 45, 42),
  plain('under a violet lamp', 280, 35, 48),
];

export const redPlace: Place = plain('before a red curtain', 2, 62, 42);

/** The one ground of a biased set. */
export const biasedPlaces: readonly Place[] = [
  redPlace,
  plain('before a blue screen', 222, 60, 46),
  plain('on white paper', 60, 5, 93),
  plain('on a green lawn', 112, 48, 38),
];

export const poses = ['standing', 'waving', 'jumping', 'sitting', 'looking up', 'running'] as const;
export const lights = ['at noon', 'in the evening', 'in soft light', 'after rain', 'in the morning'] as const;

export function drawFigure(random: RandomStream): Figure {
  const hue = 360 * random.uniform();
  return {
    skin: hsl(hue, 55, 68),
    coat: hsl(hue + 140, 50, 45),
    hat: hsl(hue + 60, 60, 50),
    eyes: 1 + random.integer(3),
  };
}

const angles: Readonly<Record<string, readonly [left: number, right: number, legs: number, tilt: number]>> = {
  standing: [75, 75, 0.12, 0],
  waving: [75, -55, 0.12, 4],
  jumping: [-50, -50, 0.4, 0],
  sitting: [60, 60, 0.5, -6],
  'looking up': [80, 50, 0.1, 14],
  running: [20, 70, 0.35, -12],
};

function figureSvg({ figure, pose }: Scene, x: number, y: number, s: number): string {
  const [left, right, legs, tilt] = angles[pose];
  const arm = (side: number, degrees: number): string => {
    const angle = (degrees * Math.PI) / 180;
    const [x1, y1] = [side * 0.22 * s, -0.08 * s];
    return `<path d="M${x1} ${y1}L${x1 + side * 0.3 * s * Math.cos(angle)} ${y1 + 0.3 * s * Math.sin(angle)}" stroke="${figure.coat}" stroke-width="${0.1 * s}" stroke-linecap="round"/>`;
  };
  const leg = (side: number): string =>
    `<path d="M${side * 0.1 * s} ${0.25 * s}L${side * (0.1 + 0.35 * legs) * s} ${0.52 * s}" stroke="#30303a" stroke-width="${0.11 * s}" stroke-linecap="round"/>`;
  const eyes = Array.from({ length: figure.eyes }, (_, i) => {
    const at = (i - (figure.eyes - 1) / 2) * 0.14 * s;
    return `<circle cx="${at}" cy="${-0.37 * s}" r="${0.055 * s}" fill="#fafafa"/><circle cx="${at + 0.01 * s}" cy="${-0.37 * s}" r="${0.025 * s}" fill="#15151a"/>`;
  });
  return `<g transform="translate(${x} ${y}) rotate(${tilt})">${leg(-1)}${leg(1)}${arm(-1, left)}${arm(1, right)}
<rect x="${-0.22 * s}" y="${-0.18 * s}" width="${0.44 * s}" height="${0.48 * s}" rx="${0.14 * s}" fill="${figure.coat}" stroke="#22222a" stroke-width="${0.012 * s}"/>
<circle cx="0" cy="${-0.36 * s}" r="${0.2 * s}" fill="${figure.skin}" stroke="#22222a" stroke-width="${0.012 * s}"/>
<path d="M${-0.18 * s} ${-0.47 * s}L0 ${-0.78 * s}L${0.18 * s} ${-0.47 * s}Z" fill="${figure.hat}" stroke="#22222a" stroke-width="${0.012 * s}"/>
${eyes.join('')}<path d="M${-0.07 * s} ${-0.26 * s}q${0.07 * s} ${0.06 * s} ${0.14 * s} 0" stroke="#22222a" stroke-width="${0.02 * s}" fill="none"/></g>`;
}

const grainSide = 128;
const grain = randomStream(7, 'planted grain').normals(grainSide * grainSide);

/** A camera's grain of about three levels. */
function addGrain(data: Uint8Array, width: number, offset: number): void {
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.floor(i / 3);
    const place =
      ((Math.floor(pixel / width) % grainSide) * grainSide + ((pixel % width) % grainSide) + offset) %
      grain.length;
    data[i] = Math.min(255, Math.max(0, data[i] + Math.round(2.4 * grain[place])));
  }
}

/** Pixels of a scene, interleaved RGB. */
export async function drawScene(scene: Scene, random: RandomStream): Promise<Uint8Array> {
  const { width, height, x, y, size } = scene;
  const shorter = Math.min(width, height);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${scene.place.draw(width, height, random)}${figureSvg(scene, x * width, y * height, size * shorter)}</svg>`;
  const { data } = await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  addGrain(data, width, random.integer(grain.length));
  return data;
}

/** A scene of a set without a fault. */
export function chooseScene(random: RandomStream, figure: Figure, place: Place): Scene {
  const width = 320 + 32 * random.integer(8);
  const height = 320 + 32 * random.integer(6);
  return {
    ...{ width, height, place, figure },
    x: between(random, 0.3, 0.7),
    y: between(random, 0.42, 0.62),
    size: between(random, 0.45, 0.8),
    pose: pick(random, poses),
    light: pick(random, lights),
  };
}
