/** @file DPM-Solver++(2M) (Lu et al. 2022, algorithm 2). */
import { combine, oneCallSampler, type Sampler } from './loop.ts';

export const dpmpp2m: Sampler = oneCallSampler(({ sigmas }) => {
  let oldD: Float32Array | undefined;
  let lastH = 0;
  return (x, D, i) => {
    const [sigma, sigmaNext] = [sigmas[i], sigmas[i + 1]];
    const h = Math.log(sigma) - Math.log(sigmaNext); // ∞ at the last step
    let estimate = D;
    if (oldD && sigmaNext > 0) {
      const r = lastH / h;
      estimate = combine(1 + 1 / (2 * r), D, -1 / (2 * r), oldD);
    }
    [oldD, lastH] = [D, h];
    return combine(sigmaNext / sigma, x, -Math.expm1(-h), estimate);
  };
});
