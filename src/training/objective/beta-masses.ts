/** @file The beta distribution cut into equal pieces of [0, 1]. */

/** Large enough for any a, b of use: the fraction converges within about √(a + b) terms. */
const mostTerms = 10_000;

/**
 * The continued fraction of the incomplete beta function (DLMF 8.17.22), evaluated as Thompson and Barnett (1986)
 * do: 1 + d₁/(1 + d₂/(1 + …)) → its inverse.
 */
function betaFraction(x: number, a: number, b: number): number {
  const term = (n: number): number => {
    const m = Math.floor(n / 2);
    return n % 2 === 0
      ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
      : (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
  };
  let [value, c, d] = [1, 1, 0];
  for (let n = 1; n < mostTerms; n++) {
    const t = term(n);
    d = 1 / (1 + t * d || 1e-300);
    c = 1 + t / c || 1e-300;
    value *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return 1 / value;
}

/** ∫₀ˣ tᵃ⁻¹(1 − t)ᵇ⁻¹ dt for x up to about the mean */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x === 0) return 0;
  return (Math.exp(a * Math.log(x) + b * Math.log1p(-x)) / a) * betaFraction(x, a, b);
}

/** Probabilities of the `count` equal pieces of [0, 1] under Beta(a, b), up to a common factor. */
export function betaMasses(count: number, a: number, b: number): Float64Array {
  const middle = Math.min(count - 1, Math.floor(((a + 1) / (a + b + 2)) * count));
  const masses = new Float64Array(count);
  // From both ends, so that each end is precise.
  for (let i = 0; i < middle; i++)
    masses[i] = incompleteBeta((i + 1) / count, a, b) - incompleteBeta(i / count, a, b);
  for (let i = middle; i < count; i++)
    masses[i] = incompleteBeta(1 - i / count, b, a) - incompleteBeta(1 - (i + 1) / count, b, a);
  return masses;
}
