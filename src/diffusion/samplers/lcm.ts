/** @file The sampler of latent consistency models (Luo et al. 2023, algorithm 3). */
import { oneCallSampler, type Sampler } from './loop.ts';
import { addNoise } from './noise-steps.ts';

/** To the clean latent in one step, and back to the next level with fresh noise. */
export const lcm: Sampler = oneCallSampler(({ sigmas, options }) => (_, D, i) => {
  const [sigma, sigmaNext] = [sigmas[i], sigmas[i + 1]];
  return sigmaNext > 0 ? addNoise(D, sigmaNext, [sigma, sigmaNext], options) : D.slice();
});
