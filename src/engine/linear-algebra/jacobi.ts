/**
 * @file One-sided Jacobi: plane rotations of pairs of rows until all rows are orthogonal (Hestenes 1958; the longest row
 * is moved ahead first, de Rijk 1989). Why this and no library: docs/decisions/0009.
 */
import type { Matrix } from './matrix.ts';

/** Sweeps over all pairs. Six to nine do for triangular rows, and the last ones turn little. */
const mostSweeps = 60;

/** x ← c·x − s·y, y ← s·x + c·y, for rows of `length` numbers that start at `x` and `y`. */
function rotate(
  data: Float64Array,
  x: number,
  y: number,
  length: number,
  cosine: number,
  sine: number,
): void {
  for (let k = 0; k < length; k++) {
    const a = data[x + k];
    const b = data[y + k];
    data[x + k] = cosine * a - sine * b;
    data[y + k] = sine * a + cosine * b;
  }
}

function innerProduct(data: Float64Array, x: number, y: number, length: number): number {
  let sum = 0;
  for (let k = 0; k < length; k++) sum += data[x + k] * data[y + k];
  return sum;
}

function swapRows({ data, columns }: Matrix, i: number, j: number): void {
  const row = data.slice(i * columns, (i + 1) * columns);
  data.copyWithin(i * columns, j * columns, (j + 1) * columns);
  data.set(row, j * columns);
}

/** Swaps row `i` with the longest of those after it, where that is longer. */
function moveLongestAhead(matrices: readonly Matrix[], i: number, squares: Float64Array): void {
  let longest = i;
  for (let j = i + 1; j < squares.length; j++) if (squares[j] > squares[longest]) longest = j;
  if (longest === i) return;
  for (const each of matrices) swapRows(each, i, longest);
  const square = squares[i];
  squares[i] = squares[longest];
  squares[longest] = square;
}

/** tan of the smaller angle that makes two rows orthogonal, from their squared norms and their inner product. */
function tangentOf(squareX: number, squareY: number, product: number): number {
  const zeta = (squareY - squareX) / (2 * product);
  return (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
}

/** Rotates every pair once; false where all were orthogonal already. */
function sweepPairs(matrices: readonly Matrix[], squares: Float64Array, tolerance: number): boolean {
  const [{ data, columns, rows }] = matrices;
  const noise = Number.EPSILON ** 2 * squares.reduce((most, x) => Math.max(most, x), 0);
  let rotated = false;
  for (let i = 0; i < rows - 1; i++) {
    moveLongestAhead(matrices, i, squares);
    if (squares[i] <= noise) break;
    for (let j = i + 1; j < rows; j++) {
      const product = innerProduct(data, i * columns, j * columns, columns);
      if (Math.abs(product) <= tolerance * Math.sqrt(squares[i] * squares[j])) continue;
      const tangent = tangentOf(squares[i], squares[j], product);
      const cosine = 1 / Math.sqrt(1 + tangent * tangent);
      for (const m of matrices)
        rotate(m.data, i * m.columns, j * m.columns, m.columns, cosine, tangent * cosine);
      squares[i] -= tangent * product;
      squares[j] = Math.max(0, squares[j] + tangent * product);
      rotated = true;
    }
  }
  return rotated;
}

/**
 * Rotates the rows of `m` in place until they are orthogonal, longest first, and those of `followers` by the same
 * angles, until the cosine of every pair is within `tolerance`. Rows that are shorter than the longest by more than float64 tells apart may stay as they are.
 */
export function orthogonalizeRows(
  m: Matrix,
  followers: readonly Matrix[] = [],
  tolerance = Number.EPSILON * Math.max(4, Math.sqrt(m.columns)),
): void {
  for (let sweep = 0; sweep < mostSweeps; sweep++) {
    const squares = Float64Array.from({ length: m.rows }, (_, i) =>
      innerProduct(m.data, i * m.columns, i * m.columns, m.columns),
    );
    if (!sweepPairs([m, ...followers], squares, tolerance)) return;
  }
}
