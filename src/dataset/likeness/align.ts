/**
 * @file Lays one small plane of light over another: stretch, shift, brightness and contrast by least squares
 * (Lucas and Kanade 1981), so that a crop or a brighter copy fits its original.
 */

/** Where a pixel of the first picture lies in the second, in parts of the side: `u' = centre + stretch·(u - ½) + shift`. */
export interface Placement {
  readonly stretchX: number;
  readonly stretchY: number;
  readonly shiftX: number;
  readonly shiftY: number;
  readonly gain: number;
  readonly offset: number;
}

export const inPlace: Placement = {
  ...{ stretchX: 1, stretchY: 1, shiftX: 0, shiftY: 0 },
  ...{ gain: 1, offset: 0 },
};

const unknowns = 6;

/** Solves the 6×6 normal equations in place by Gauss with pivots; undefined where they are singular. */
function solve(matrix: Float64Array, right: Float64Array): Float64Array | undefined {
  for (let column = 0; column < unknowns; column++) {
    let pivot = column;
    for (let row = column + 1; row < unknowns; row++) {
      if (Math.abs(matrix[row * unknowns + column]) > Math.abs(matrix[pivot * unknowns + column]))
        pivot = row;
    }
    if (Math.abs(matrix[pivot * unknowns + column]) < 1e-9) return undefined;
    for (let k = 0; k < unknowns; k++) {
      const [a, b] = [column * unknowns + k, pivot * unknowns + k];
      [matrix[a], matrix[b]] = [matrix[b], matrix[a]];
    }
    [right[column], right[pivot]] = [right[pivot], right[column]];
    for (let row = 0; row < unknowns; row++) {
      if (row === column) continue;
      const factor = matrix[row * unknowns + column] / matrix[column * unknowns + column];
      for (let k = column; k < unknowns; k++)
        matrix[row * unknowns + k] -= factor * matrix[column * unknowns + k];
      right[row] -= factor * right[column];
    }
  }
  return right.map((value, i) => value / matrix[i * unknowns + i]);
}

/** The pixels of the first plane that the second covers: index there, level and slopes of the second, place. */
interface Covered {
  count: number;
  readonly index: Int32Array;
  readonly value: Float32Array;
  readonly slopeX: Float32Array;
  readonly slopeY: Float32Array;
  readonly u: Float32Array;
  readonly v: Float32Array;
}

const mostPixels = 64 * 64;
const floats = (): Float32Array => new Float32Array(mostPixels);

/** Used again by every call: most of the time of comparing a set would go into making these. */
const covered: Covered = {
  count: 0,
  index: new Int32Array(mostPixels),
  ...{ value: floats(), slopeX: floats(), slopeY: floats(), u: floats(), v: floats() },
};

/** Reads the second plane where the pixels of the first lie in it. What is returned is overwritten by the next call. */
export function readCovered(second: Float32Array, placement: Placement): Readonly<Covered> {
  const side = Math.sqrt(second.length);
  const { stretchX, stretchY, shiftX, shiftY } = placement;
  let n = 0;
  for (let y = 0; y < side; y++) {
    const v = (y + 0.5) / side - 0.5;
    const py = (0.5 + stretchY * v + shiftY) * side - 0.5;
    if (py < -0.5 || py > side - 0.5) continue;
    const top = Math.min(side - 2, Math.max(0, Math.floor(py)));
    const fy = py - top;
    for (let x = 0; x < side; x++) {
      const u = (x + 0.5) / side - 0.5;
      const px = (0.5 + stretchX * u + shiftX) * side - 0.5;
      if (px < -0.5 || px > side - 0.5) continue;
      const left = Math.min(side - 2, Math.max(0, Math.floor(px)));
      const fx = px - left;
      const at = top * side + left;
      const a = second[at];
      const right = second[at + 1] - a;
      const below = second[at + side] - a;
      const both = second[at + side + 1] - a - right - below;
      covered.index[n] = y * side + x;
      covered.value[n] = a + fx * right + fy * below + fx * fy * both;
      covered.slopeX[n] = right + fy * both;
      covered.slopeY[n] = below + fx * both;
      covered.u[n] = u;
      covered.v[n] = v;
      n++;
    }
  }
  covered.count = n;
  return covered;
}

/** One step of Gauss and Newton; undefined where it cannot be made. */
function improve(first: Float32Array, second: Float32Array, placement: Placement): Placement | undefined {
  const side = Math.sqrt(first.length);
  const matrix = new Float64Array(unknowns * unknowns);
  const right = new Float64Array(unknowns);
  const { gain, offset } = placement;
  const slope = new Float64Array(unknowns);
  const { count, index, value, slopeX, slopeY, u, v } = readCovered(second, placement);
  for (let i = 0; i < count; i++) {
    const error = first[index[i]] - gain * value[i] - offset;
    const [dx, dy] = [gain * slopeX[i] * side, gain * slopeY[i] * side];
    slope[0] = dx * u[i];
    slope[1] = dy * v[i];
    slope[2] = dx;
    slope[3] = dy;
    slope[4] = value[i];
    slope[5] = 1;
    for (let r = 0; r < unknowns; r++) {
      right[r] += slope[r] * error;
      for (let c = r; c < unknowns; c++) matrix[r * unknowns + c] += slope[r] * slope[c];
    }
  }
  for (let r = 0; r < unknowns; r++) {
    for (let c = 0; c < r; c++) matrix[r * unknowns + c] = matrix[c * unknowns + r];
    // A little of Levenberg's damping: in a flat picture there is nothing to hold on to.
    matrix[r * unknowns + r] *= 1.001;
    matrix[r * unknowns + r] += 1e-6;
  }
  const step = solve(matrix, right);
  if (!step?.every(Number.isFinite)) return undefined;
  return {
    stretchX: placement.stretchX + step[0],
    stretchY: placement.stretchY + step[1],
    shiftX: placement.shiftX + step[2],
    shiftY: placement.shiftY + step[3],
    gain: gain + step[4],
    offset: offset + step[5],
  };
}

/** The most that a copy may be cut or stretched, and the range of its contrast. */
const limits = { stretch: 0.14, shift: 0.09, leastGain: 0.5, mostGain: 2 };

/** On the way there a step may go too far, by this factor. */
const overshoot = 2;

export const isPlausible = ({ stretchX, stretchY, shiftX, shiftY, gain }: Placement, factor = 1): boolean =>
  Math.abs(stretchX - 1) < factor * limits.stretch &&
  Math.abs(stretchY - 1) < factor * limits.stretch &&
  Math.abs(shiftX) < factor * limits.shift &&
  Math.abs(shiftY) < factor * limits.shift &&
  gain > limits.leastGain &&
  gain < limits.mostGain;

/** Improves a placement step by step; undefined when it leaves what a copy could be. */
export function align(
  first: Float32Array,
  second: Float32Array,
  start: Placement,
  steps: number,
): Placement | undefined {
  let placement: Placement | undefined = start;
  for (let i = 0; i < steps && placement; i++) {
    placement = improve(first, second, placement);
    if (placement && !isPlausible(placement, overshoot)) return undefined;
  }
  return placement;
}

export interface Fit {
  /** Correlation of what both show. */
  readonly correlation: number;
  /** Share of the first picture that the second covers. */
  readonly overlap: number;
}

/** How well the second plane fits the first where it has been placed. */
export function measureFit(first: Float32Array, second: Float32Array, placement: Placement): Fit {
  let [sumA, sumB, sumAA, sumBB, sumAB] = [0, 0, 0, 0, 0];
  const { count: n, index, value } = readCovered(second, placement);
  for (let i = 0; i < n; i++) {
    const [a, b] = [first[index[i]], value[i]];
    sumA += a;
    sumB += b;
    sumAA += a * a;
    sumBB += b * b;
    sumAB += a * b;
  }
  const variance = (sumAA - (sumA * sumA) / n) * (sumBB - (sumB * sumB) / n);
  const correlation = variance > 0 ? (sumAB - (sumA * sumB) / n) / Math.sqrt(variance) : 0;
  return { correlation, overlap: n / first.length };
}

/** Lowest and highest levels of a pixel and those beside it, as moving by this part of a pixel would show them. */
const slack = 0.7;

interface Range {
  readonly low: Float32Array;
  readonly high: Float32Array;
}

function rangeAround(plane: Float32Array, placement: Placement): Range {
  const low = new Float32Array(plane.length).fill(Number.POSITIVE_INFINITY);
  const high = new Float32Array(plane.length).fill(Number.NEGATIVE_INFINITY);
  const { gain, offset, shiftX, shiftY } = placement;
  const step = slack / Math.sqrt(plane.length);
  for (const [dx, dy] of [
    [0, 0],
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
    [1, 1],
    [1, -1],
    [-1, 1],
    [-1, -1],
  ]) {
    const moved = { ...placement, shiftX: shiftX + dx * step, shiftY: shiftY + dy * step };
    const { count, index, value } = readCovered(plane, moved);
    for (let i = 0; i < count; i++) {
      // What was clipped to white or black in one of the pictures is no difference.
      const level = Math.min(255, Math.max(0, gain * value[i] + offset));
      low[index[i]] = Math.min(low[index[i]], level);
      high[index[i]] = Math.max(high[index[i]], level);
    }
  }
  return { low, high };
}

const outside = (value: number, low: number, high: number): number => Math.max(0, low - value, value - high);

/**
 * Root mean square difference of levels in the block where it is largest, beyond what edges that miss each other
 * by part of a pixel explain: something that only one of the pictures shows.
 */
export function worstBlock(
  first: Float32Array,
  second: Float32Array,
  placement: Placement,
  blockSide = 8,
): number {
  const side = Math.sqrt(first.length);
  const blocks = side / blockSide;
  const errors = new Float64Array(blocks * blocks);
  const counts = new Float64Array(blocks * blocks);
  const ofFirst = rangeAround(first, inPlace);
  const ofSecond = rangeAround(second, placement);
  const { count, index, value } = readCovered(second, placement);
  for (let k = 0; k < count; k++) {
    const i = index[k];
    const level = Math.min(255, Math.max(0, placement.gain * value[k] + placement.offset));
    const error = Math.max(
      outside(first[i], ofSecond.low[i], ofSecond.high[i]),
      outside(level, ofFirst.low[i], ofFirst.high[i]),
    );
    const block = Math.floor(i / side / blockSide) * blocks + Math.floor((i % side) / blockSide);
    errors[block] += error * error;
    counts[block]++;
  }
  return Math.max(
    ...errors.map((sum, k) => (counts[k] >= blockSide ** 2 / 4 ? Math.sqrt(sum / counts[k]) : 0)),
  );
}
