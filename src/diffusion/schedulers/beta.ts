/** @file The quantile of the Beta(0.6, 0.6) distribution, which the Beta scheduler spreads its steps by (Lee et al. 2024). */

const shape = 0.6;
const gammaOfShape = 1.4891922488128171;
const gammaOfTwice = 0.9181687423997607;
const betaFunction = gammaOfShape ** 2 / gammaOfTwice;

/** Share of the distribution below x ≤ 1/2: x^a/B·Σ (1 − a)_n x^n/(n!·(a + n)). */
function shareBelow(x: number): number {
  let term = 1;
  let sum = 0;
  for (let n = 0; n < 60; n++) {
    sum += term / (shape + n);
    term *= ((1 - shape + n) / (n + 1)) * x;
  }
  return (x ** shape * sum) / betaFunction;
}

/** x below which the share p of Beta(0.6, 0.6) lies. */
export function betaQuantile(p: number): number {
  if (p === 0.5) return 0.5;
  if (p > 0.5) return 1 - betaQuantile(1 - p);
  let [low, high] = [0, 0.5];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (shareBelow(middle) < p) low = middle;
    else high = middle;
  }
  return p <= 0 ? 0 : (low + high) / 2;
}
