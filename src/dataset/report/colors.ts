/** @file Colours as eyes tell them apart: CIELAB from sRGB (IEC 61966-2-1, D65), and plain names for them. */

export type Lab = readonly [lightness: number, a: number, b: number];
export type Rgb = readonly [red: number, green: number, blue: number];

const linear = Float64Array.from({ length: 256 }, (_, level) => {
  const x = level / 255;
  return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
});

const root = (t: number): number => (t > 216 / 24389 ? Math.cbrt(t) : (24389 / 27 / 116) * t + 16 / 116);
const level = (x: number): number => linear[Math.min(255, Math.max(0, Math.round(x)))];

export function labOf([red, green, blue]: Rgb): Lab {
  const [r, g, b] = [level(red), level(green), level(blue)];
  const x = root((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const y = root(0.2126729 * r + 0.7151522 * g + 0.072175 * b);
  const z = root((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** Below this, lightness and colour are too little to tell much. */
const darkness = 8;
/** Units of CIELAB for a factor e of light. */
const lightWeight = 40;

/**
 * Distance in CIELAB in which light and shade count little: a wall is one wall. Shade makes lightness and chroma smaller
 * together, so directions are compared at the geometric mean of the lengths, and the ratio of the lengths apart.
 */
export function groundDistance(a: Lab, b: Lab): number {
  const [lengthA, lengthB] = [a, b].map(lab => Math.hypot(...lab) + darkness);
  const between = a.map((x, i) => x / lengthA - b[i] / lengthB);
  return Math.hypot(
    Math.hypot(...between) * Math.sqrt(lengthA * lengthB),
    lightWeight * Math.log(lengthB / lengthA),
  );
}

/** Hue angles from which on a colour has a name, degrees; sRGB's own red is at 40, yellow 103, green 136, blue 306. */
const hues: readonly (readonly [from: number, name: string])[] = [
  [0, 'pink'],
  [15, 'red'],
  [52, 'orange'],
  [82, 'yellow'],
  [112, 'green'],
  [168, 'turquoise'],
  [212, 'blue'],
  [308, 'purple'],
  [338, 'pink'],
];

export function colorName([lightness, a, b]: Lab): string {
  const chroma = Math.hypot(a, b);
  if (lightness < 12) return 'black';
  if (chroma < 11) return lightness > 86 ? 'white' : lightness < 22 ? 'black' : 'grey';
  const hue = ((Math.atan2(b, a) * 180) / Math.PI + 360) % 360;
  const name = hues.findLast(([from]) => hue >= from)?.[1] ?? 'grey';
  if ((name === 'orange' || name === 'yellow') && lightness < 50) return 'brown';
  if (name === 'orange' && chroma < 40) return lightness > 75 ? 'beige' : 'brown';
  if (name === 'red' && lightness > 72) return 'pink';
  return name;
}

/** `#rrggbb` */
export const hexOf = (rgb: Rgb): string =>
  `#${rgb
    .map(x =>
      Math.min(255, Math.max(0, Math.round(x)))
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;
