/** @file Eigenvalues of small symmetric matrices, without vectors: Householder's tridiagonal form, then implicit QL. */

/** Reduces a symmetric matrix [n, n] to its diagonal and the line beside it (Golub & Van Loan, 8.3.1). */
function tridiagonal(matrix: Float64Array, n: number): { diagonal: Float64Array; beside: Float64Array } {
  const a = matrix.slice();
  const beside = new Float64Array(n);
  const [v, p] = [new Float64Array(n), new Float64Array(n)];
  for (let k = 0; k + 2 < n; k++) {
    let squares = 0;
    for (let i = k + 1; i < n; i++) squares += a[i * n + k] ** 2;
    const head = a[(k + 1) * n + k];
    const length = Math.sqrt(squares);
    beside[k] = head > 0 ? -length : length;
    if (squares - head * head <= Number.MIN_VALUE) {
      beside[k] = head;
      continue;
    }
    // v = x − (±‖x‖)·e₁ and 2/vᵀv
    for (let i = k + 1; i < n; i++) v[i] = a[i * n + k];
    v[k + 1] -= beside[k];
    const factor = 1 / (squares - beside[k] * head);
    let along = 0;
    for (let i = k + 1; i < n; i++) {
      let sum = 0;
      for (let j = k + 1; j < n; j++) sum += a[i * n + j] * v[j];
      p[i] = factor * sum;
      along += p[i] * v[i];
    }
    for (let i = k + 1; i < n; i++) p[i] -= 0.5 * factor * along * v[i];
    for (let i = k + 1; i < n; i++) {
      const [vi, pi] = [v[i], p[i]];
      for (let j = k + 1; j < n; j++) a[i * n + j] -= vi * p[j] + pi * v[j];
    }
  }
  if (n > 1) beside[n - 2] = a[(n - 1) * n + n - 2];
  return { diagonal: Float64Array.from({ length: n }, (_, i) => a[i * n + i]), beside };
}

/** One implicit QL step with Wilkinson's shift on rows `from`…`to`. */
function qlStep(diagonal: Float64Array, beside: Float64Array, from: number, to: number): void {
  let g = (diagonal[from + 1] - diagonal[from]) / (2 * beside[from]);
  let r = Math.hypot(g, 1);
  g = diagonal[to] - diagonal[from] + beside[from] / (g + (g < 0 ? -r : r));
  let [sine, cosine, shift] = [1, 1, 0];
  for (let i = to - 1; i >= from; i--) {
    const [f, b] = [sine * beside[i], cosine * beside[i]];
    r = Math.hypot(f, g);
    beside[i + 1] = r;
    if (r === 0) {
      // The matrix falls into two here.
      diagonal[i + 1] -= shift;
      beside[to] = 0;
      return;
    }
    sine = f / r;
    cosine = g / r;
    g = diagonal[i + 1] - shift;
    r = (diagonal[i] - g) * sine + 2 * cosine * b;
    shift = sine * r;
    diagonal[i + 1] = g + shift;
    g = cosine * r - b;
  }
  diagonal[from] -= shift;
  beside[from] = g;
  beside[to] = 0;
}

/** Where the block that starts at `from` ends: the first line beside the diagonal that counts as 0. */
function blockEnd(diagonal: Float64Array, beside: Float64Array, from: number): number {
  let end = from;
  while (end + 1 < diagonal.length) {
    const size = Math.abs(diagonal[end]) + Math.abs(diagonal[end + 1]);
    if (Math.abs(beside[end]) <= Number.EPSILON * size) break;
    end++;
  }
  return end;
}

const mostSteps = 60;

/** Eigenvalues of a symmetric matrix [n, n], largest first; all NaN where it holds what is not finite. */
export function symmetricEigenvalues(matrix: Float64Array, n: number): Float64Array {
  const largest = matrix.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  if (!Number.isFinite(largest)) return new Float64Array(n).fill(Number.NaN);
  if (largest === 0) return new Float64Array(n);
  const { diagonal, beside } = tridiagonal(
    matrix.map(x => x / largest),
    n,
  );
  for (let from = 0; from < n; from++)
    for (let step = 0; step < mostSteps; step++) {
      const to = blockEnd(diagonal, beside, from);
      if (to === from) break;
      qlStep(diagonal, beside, from, to);
    }
  return diagonal.map(x => x * largest).sort((a, b) => b - a);
}
