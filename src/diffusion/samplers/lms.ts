/** @file Linear multistep sampling (Adams–Bashforth over σ, order 4). */
import { oneCallSampler, type Sampler, sumOf, type Term } from './loop.ts';

const order = 4;

/** ∫ over [σ_i, σ_i+1] of the Lagrange polynomial that is 1 at σ_(i−j); two Gauss points are exact to degree 3. */
function coefficient(sigmas: readonly number[], i: number, j: number, points: number): number {
  const [from, to] = [sigmas[i], sigmas[i + 1]];
  const lagrange = (sigma: number): number => {
    let product = 1;
    for (let k = 0; k < points; k++)
      if (k !== j) product *= (sigma - sigmas[i - k]) / (sigmas[i - j] - sigmas[i - k]);
    return product;
  };
  const [middle, half] = [(from + to) / 2, (to - from) / 2];
  return half * (lagrange(middle - half / Math.sqrt(3)) + lagrange(middle + half / Math.sqrt(3)));
}

export const lms: Sampler = oneCallSampler(({ sigmas }) => {
  let slopes: Float32Array[] = []; // the newest first
  return (x, D, i) => {
    slopes = [sumOf([1 / sigmas[i], x], [-1 / sigmas[i], D]), ...slopes.slice(0, order - 1)];
    const terms = slopes.map((slope, j): Term => [coefficient(sigmas, i, j, slopes.length), slope]);
    return sumOf([1, x], ...terms);
  };
});
