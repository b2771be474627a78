/**
 * @file Second moments as the product of a row and a column (Shazeer & Stern 2018, "Adafactor", §3). The last two
 * axes are rows and columns; those before are a stack of matrices, as transformers has it.
 */
import { elementCount, type Shape } from '../../engine/index.ts';

/** [matrices, rows, columns] of a parameter with at least two axes. */
interface Stack {
  readonly matrices: number;
  readonly rows: number;
  readonly columns: number;
}

export const isFactored = (shape: Shape): boolean => shape.length >= 2;

export const rowsShape = (shape: Shape): Shape => shape.slice(0, -1);
export const columnsShape = (shape: Shape): Shape => [...shape.slice(0, -2), shape[shape.length - 1]];

function stackOf(shape: Shape): Stack {
  const [rows, columns] = shape.slice(-2);
  return { matrices: elementCount(shape.slice(0, -2)), rows, columns };
}

/** Running averages, over rows and over columns, of values² + `floor`; each keeps `keep` of what it was. */
export function averageSquares(
  values: Float32Array,
  floor: number,
  shape: Shape,
  rowAverages: Float32Array,
  columnAverages: Float32Array,
  keep: number,
): void {
  const { matrices, rows, columns } = stackOf(shape);
  const sums = new Float64Array(columns);
  let at = 0;
  for (let k = 0; k < matrices; k++) {
    sums.fill(0);
    for (let i = 0; i < rows; i++) {
      let sum = 0;
      for (let j = 0; j < columns; j++, at++) {
        const square = values[at] * values[at] + floor;
        sum += square;
        sums[j] += square;
      }
      const row = k * rows + i;
      rowAverages[row] = rowAverages[row] * keep + (sum / columns) * (1 - keep);
    }
    for (let j = 0; j < columns; j++) {
      const column = k * columns + j;
      columnAverages[column] = columnAverages[column] * keep + (sums[j] / rows) * (1 - keep);
    }
  }
}

/** values / √(the averages' product), into `out`, which may be `values`; returns the sum of squares of the result. */
export function divideByRoot(
  values: Float32Array,
  shape: Shape,
  rowAverages: Float32Array,
  columnAverages: Float32Array,
  out: Float32Array,
): number {
  const { matrices, rows, columns } = stackOf(shape);
  const factors = new Float64Array(columns);
  let squares = 0;
  let at = 0;
  for (let k = 0; k < matrices; k++) {
    for (let j = 0; j < columns; j++) factors[j] = 1 / Math.sqrt(columnAverages[k * columns + j]);
    let mean = 0;
    for (let i = 0; i < rows; i++) mean += rowAverages[k * rows + i];
    mean /= rows;
    for (let i = 0; i < rows; i++) {
      const factor = 1 / Math.sqrt(rowAverages[k * rows + i] / mean);
      for (let j = 0; j < columns; j++, at++) {
        const x = values[at] * factor * factors[j];
        out[at] = x;
        squares += x * x;
      }
    }
  }
  return squares;
}

/** The same for a parameter of one axis, whose second moment is whole. */
export function divideByWholeRoot(
  values: Float32Array,
  floor: number,
  second: Float32Array,
  keep: number,
  out: Float32Array,
): number {
  let squares = 0;
  for (let i = 0; i < second.length; i++) {
    const v = second[i] * keep + (values[i] * values[i] + floor) * (1 - keep);
    const x = values[i] / Math.sqrt(v);
    second[i] = v;
    out[i] = x;
    squares += x * x;
  }
  return squares;
}

/** An array for the update in the making, that grows to the largest parameter and is used again. */
export function openScratch(): (length: number) => Float32Array {
  let kept = new Float32Array(0);
  return length => {
    if (kept.length < length) kept = new Float32Array(length);
    return kept;
  };
}
