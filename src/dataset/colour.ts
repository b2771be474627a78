/** @file Slightly other colours: hues turned or brightness bent, as sd-scripts' `color_aug` means it. */

/** Degrees that hues are turned by, or the exponent of levels from 0 to 1. */
export type ColourShift = { readonly hue: number } | { readonly gamma: number };

/** [R, G, B] of a hue in degrees, a chroma and a lowest level (Smith 1978). */
function fromHue(hue: number, chroma: number, lowest: number): [number, number, number] {
  const at = (((hue % 360) + 360) % 360) / 60;
  const level = (sector: number): number => {
    const k = (sector + at) % 6;
    return lowest + chroma * (1 - Math.max(0, Math.min(k, 4 - k, 1)));
  };
  return [level(5), level(3), level(1)];
}

function hueOf(r: number, g: number, b: number, highest: number, chroma: number): number {
  if (chroma === 0) return 0;
  if (highest === r) return 60 * ((g - b) / chroma);
  return highest === g ? 60 * ((b - r) / chroma + 2) : 60 * ((r - g) / chroma + 4);
}

function turnHues(levels: Float32Array, degrees: number): void {
  const area = levels.length / 3;
  for (let i = 0; i < area; i++) {
    const [r, g, b] = [levels[i], levels[area + i], levels[2 * area + i]];
    const highest = Math.max(r, g, b);
    const chroma = highest - Math.min(r, g, b);
    const turned = fromHue(hueOf(r, g, b, highest, chroma) + degrees, chroma, highest - chroma);
    for (let c = 0; c < 3; c++) levels[c * area + i] = turned[c];
  }
}

/** Changes levels 0 … 255, planar [3, height, width], in place. */
export function shiftColours(levels: Float32Array, shift: ColourShift): void {
  if ('hue' in shift) turnHues(levels, shift.hue);
  else for (let i = 0; i < levels.length; i++) levels[i] = 255 * (levels[i] / 255) ** shift.gamma;
}
