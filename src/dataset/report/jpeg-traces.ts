/**
 * @file Traces of heavy JPEG compression in pixels that may have been saved as anything since: cosine coefficients of
 * 8×8 blocks lie at multiples of the quantisation step (after Fan and de Queiroz 2003). What was reduced or turned
 * after the compression is not found.
 */
import { openStored } from '../inspect.ts';
import { qualityOfScale, standardTable } from './jpeg.ts';

/** Side of the part that is looked at, and how many of its blocks. */
const windowSide = 768;
const mostBlocks = 2500;
const maxPixels = 1_000_000_000;

/** Low frequencies [u, v] that pictures have something at. */
const frequencies: readonly (readonly [u: number, v: number])[] = [
  ...([
    [0, 1],
    [1, 0],
    [1, 1],
    [0, 2],
    [2, 0],
    [1, 2],
    [2, 1],
    [2, 2],
    [0, 3],
    [3, 0],
  ] as const),
];

const cosines = Array.from({ length: 8 }, (_, u) =>
  Float64Array.from(
    { length: 8 },
    (_, x) => (u === 0 ? Math.SQRT1_2 : 1) * 0.5 * Math.cos(((2 * x + 1) * u * Math.PI) / 16),
  ),
);

interface Plane {
  readonly light: Float32Array;
  /** Whether a colour was clipped, which moves the coefficients. */
  readonly clipped: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** The middle of the picture as it is stored, not turned. Decoders' luma (BT.601) is what was quantised. */
async function storedLight(bytes: Uint8Array): Promise<Plane | undefined> {
  const { width: fullWidth = 0, height: fullHeight = 0 } = await openStored(bytes, maxPixels).metadata();
  if (Math.min(fullWidth, fullHeight) < 48) return undefined;
  const { data, info } = await openStored(bytes, maxPixels)
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .extract({
      width: Math.min(windowSide, fullWidth),
      height: Math.min(windowSide, fullHeight),
      left: 8 * Math.floor(Math.max(0, fullWidth - windowSide) / 16),
      top: 8 * Math.floor(Math.max(0, fullHeight - windowSide) / 16),
    })
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) return undefined;
  const { width, height } = info;
  const light = new Float32Array(width * height);
  const clipped = new Uint8Array(width * height);
  for (let i = 0; i < light.length; i++) {
    const [r, g, b] = [data[3 * i], data[3 * i + 1], data[3 * i + 2]];
    light[i] = 0.299 * r + 0.587 * g + 0.114 * b;
    clipped[i] = Math.max(r, g, b) === 255 || Math.min(r, g, b) === 0 ? 1 : 0;
  }
  return { light, clipped, width, height };
}

/** The column (or row) of eight at which neighbours differ most: where blocks begin, when there are any. */
function blockPhase({ light, width, height }: Plane, along: 'x' | 'y'): number {
  const sums = new Float64Array(8);
  const back = along === 'x' ? 1 : width;
  for (let y = 1; y < height; y++) {
    for (let x = 1; x < width; x++) {
      const i = y * width + x;
      sums[(along === 'x' ? x : y) % 8] += Math.min(12, Math.abs(light[i] - light[i - back]));
    }
  }
  return sums.indexOf(Math.max(...sums));
}

/** Coefficients of blocks that are neither clipped nor flat, one list a frequency. */
function coefficients(plane: Plane, left: number, top: number): Float64Array[] {
  const { light, clipped, width, height } = plane;
  const places: number[] = [];
  for (let y = top; y + 8 <= height; y += 8)
    for (let x = left; x + 8 <= width; x += 8) places.push(y * width + x);
  const step = Math.max(1, Math.ceil(places.length / mostBlocks));
  const lists: number[][] = frequencies.map(() => []);
  for (let k = 0; k < places.length; k += step) {
    const start = places[k];
    const half = new Float64Array(64); // [u, row]
    let isWhole = true;
    for (let row = 0; row < 8 && isWhole; row++) {
      for (let x = 0; x < 8; x++) if (clipped[start + row * width + x]) isWhole = false;
      for (let u = 0; u < 4; u++) {
        let sum = 0;
        for (let x = 0; x < 8; x++) sum += cosines[u][x] * light[start + row * width + x];
        half[u * 8 + row] = sum;
      }
    }
    if (!isWhole) continue;
    for (const [f, [u, v]] of frequencies.entries()) {
      let sum = 0;
      for (let row = 0; row < 8; row++) sum += cosines[v][row] * half[u * 8 + row];
      lists[f].push(sum);
    }
  }
  return lists.map(list => Float64Array.from(list));
}

/** Rounding to whole levels moves a coefficient by less than this, as good as always. */
const rounding = 1.3;
/** Clipped neighbours move it a little more, in proportion to the step. */
const looseness = 0.05;
const leastStep = 8;
const mostStep = 130;
const leastValues = 7;
/** Of the values that are not zero; by chance a step of 8 has a third of them. */
const leastOnGrid = 0.88;

/** The largest step that the values are multiples of; undefined when there is none. */
function quantisationStep(all: Float64Array): number | undefined {
  const sizes = all.map(Math.abs).filter(size => size > rounding);
  const mostOthers = sizes.length * (1 - leastOnGrid);
  for (let step = mostStep; step >= leastStep; step--) {
    const tolerance = Math.max(rounding, looseness * step);
    let [onGrid, others] = [0, 0];
    for (let i = 0; i < sizes.length && others <= mostOthers; i++) {
      const size = sizes[i];
      // Between zero and the first multiple there must be nothing.
      const rest = Math.abs(size - step * Math.round(size / step));
      if (rest > tolerance) others++;
      else if (size > step / 2) onGrid++;
    }
    if (onGrid >= leastValues && onGrid >= leastOnGrid * (onGrid + others)) return step;
  }
  return undefined;
}

const fewestFrequencies = 3;

/** IJG quality that the pixels were once compressed with; undefined when they show no coarse steps (above about 75). */
export async function qualityFromPixels(bytes: Uint8Array): Promise<number | undefined> {
  const plane = await storedLight(bytes);
  if (!plane) return undefined;
  const lists = coefficients(plane, blockPhase(plane, 'x'), blockPhase(plane, 'y'));
  const scales: number[] = [];
  for (const [f, values] of lists.entries()) {
    const step = quantisationStep(values);
    const [u, v] = frequencies[f];
    if (step !== undefined) scales.push((100 * step) / standardTable[8 * v + u]);
  }
  if (scales.length < fewestFrequencies) return undefined;
  scales.sort((a, b) => a - b);
  return qualityOfScale(scales[Math.floor(scales.length / 2)]);
}
