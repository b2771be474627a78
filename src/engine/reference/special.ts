/** @file The scalar functions of the activations in float64. */

/**
 * erf(x) = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)) (Abramowitz & Stegun 7.1.6).
 * All terms have one sign, so nothing cancels; beyond |x| = 6 the result is ±1 in float64.
 */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-18; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** x·sigmoid(αx): SiLU for α = 1, CLIP's QuickGELU for α = 1.702. */
export function sigmoidUnit(x: number, alpha: number): number {
  return x * sigmoid(alpha * x);
}

export function sigmoidUnitSlope(x: number, alpha: number): number {
  const s = sigmoid(alpha * x);
  return s + alpha * x * s * (1 - s);
}

/** x·Φ(x) (Hendrycks & Gimpel 2016). */
export function gelu(x: number): number {
  return 0.5 * x * (1 + erf(x * Math.SQRT1_2));
}

export function geluSlope(x: number): number {
  const density = Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
  return 0.5 * (1 + erf(x * Math.SQRT1_2)) + x * density;
}
