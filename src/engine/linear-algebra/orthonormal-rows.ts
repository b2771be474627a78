/**
 * @file M = L·Q with orthonormal rows in Q (the QR decomposition of Mᵀ), by Householder reflections: Q is orthonormal
 * to the last bits whatever M is, also where its rows depend on each other or are zero (Golub & Van Loan, §5.2).
 */
import { firstRows, type Matrix, matrix } from './matrix.ts';

export interface OrthonormalRows {
  /** [rows, k], zero above its diagonal; k = min(rows, columns) */
  readonly l: Matrix;
  /** [k, columns] */
  readonly q: Matrix;
}

/** Where a reflection I − tau·v·vᵀ is kept: v is the row `row` from column `row` on. */
interface Reflection {
  readonly row: number;
  readonly tau: number;
}

/** Makes row `row` the v of the reflection that takes it to a multiple of a unit vector; returns that multiple too. */
function makeReflection({ columns, data }: Matrix, row: number): Reflection & { readonly length: number } {
  const start = row * columns + row;
  const end = (row + 1) * columns;
  let beyond = 0;
  for (let at = start + 1; at < end; at++) beyond += data[at] * data[at];
  const first = data[start];
  if (beyond === 0) return { row, tau: 0, length: first };
  const length = first > 0 ? -Math.sqrt(first * first + beyond) : Math.sqrt(first * first + beyond);
  const pivot = first - length;
  data[start] = 1;
  for (let at = start + 1; at < end; at++) data[at] /= pivot;
  return { row, tau: -pivot / length, length };
}

/** Applies a reflection to the rows `from` … `to`-1 from the right; four rows share the loads of v. */
function reflectRows({ columns, data }: Matrix, { row, tau }: Reflection, from: number, to: number): void {
  if (tau === 0) return;
  const v = row * columns;
  let i = from;
  for (; i + 4 <= to; i += 4) {
    const [a, b, c, d] = [i * columns, (i + 1) * columns, (i + 2) * columns, (i + 3) * columns];
    let [sa, sb, sc, sd] = [0, 0, 0, 0];
    for (let x = row; x < columns; x++) {
      const y = data[v + x];
      sa += y * data[a + x];
      sb += y * data[b + x];
      sc += y * data[c + x];
      sd += y * data[d + x];
    }
    sa *= tau;
    sb *= tau;
    sc *= tau;
    sd *= tau;
    for (let x = row; x < columns; x++) {
      const y = data[v + x];
      data[a + x] -= sa * y;
      data[b + x] -= sb * y;
      data[c + x] -= sc * y;
      data[d + x] -= sd * y;
    }
  }
  for (; i < to; i++) {
    const a = i * columns;
    let sum = 0;
    for (let x = row; x < columns; x++) sum += data[v + x] * data[a + x];
    sum *= tau;
    for (let x = row; x < columns; x++) data[a + x] -= sum * data[v + x];
  }
}

/** Turns the reflections in the rows of `work` into Q, in place. */
function formRows(work: Matrix, taus: Float64Array): void {
  const { columns, data } = work;
  for (let row = taus.length - 1; row >= 0; row--) {
    const tau = taus[row];
    const start = row * columns;
    reflectRows(work, { row, tau }, row + 1, taus.length);
    // The row itself is a unit vector, reflected.
    data.fill(0, start, start + row);
    for (let x = row + 1; x < columns; x++) data[start + x] *= -tau;
    data[start + row] = 1 - tau;
  }
}

/** M = L·Q. M is left as it is. */
export function orthonormalRows(m: Matrix): OrthonormalRows {
  const { rows, columns } = m;
  const count = Math.min(rows, columns);
  const work = matrix(rows, columns, m.data.slice());
  const l = matrix(rows, count);
  const taus = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    const { tau, length } = makeReflection(work, row);
    taus[row] = tau;
    reflectRows(work, { row, tau }, row + 1, rows);
    l.data[row * count + row] = length;
    for (let i = row + 1; i < rows; i++) l.data[i * count + row] = work.data[i * columns + row];
  }
  const q = firstRows(work, count);
  formRows(q, taus);
  return { l, q };
}
