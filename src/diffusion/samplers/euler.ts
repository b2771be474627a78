/** @file Euler's method: plain, ancestral, and DDIM and DDPM, which are the same in another variable. */
import { eulerStep, oneCallSampler, type Sampler, type SamplerRun, stepSampler } from './loop.ts';
import { addNoise, ancestralSplit, churned } from './noise-steps.ts';

/** Algorithm 2 of Karras et al. 2022, first order. */
export const euler: Sampler = stepSampler(run => async (x, i) => {
  const { x: noisy, sigma } = churned(run, x, i);
  const denoised = await run.denoise(noisy, sigma);
  return {
    x: { shape: x.shape, data: eulerStep(noisy.data, denoised.data, sigma, run.sigmas[i + 1]) },
    denoised,
  };
});

function ancestral({ sigmas, options }: SamplerRun, eta: number) {
  return (x: Float32Array, D: Float32Array, i: number): Float32Array => {
    const [sigma, sigmaNext] = [sigmas[i], sigmas[i + 1]];
    const { down, up } = ancestralSplit(sigma, sigmaNext, eta);
    const next = eulerStep(x, D, sigma, down);
    return sigmaNext > 0 ? addNoise(next, up, [sigma, sigmaNext], options) : next;
  };
}

/** Ancestral sampling with Euler steps. */
export const eulerAncestral: Sampler = oneCallSampler(run => ancestral(run, run.options.eta ?? 1));

/**
 * DDIM (Song et al. 2021, eq. 12), η = 0 unless given. In the variance-exploding variable x/√ᾱ it is Euler's step, with
 * its σ_t of eq. 16 that of an ancestral one; only the spacing of timesteps differs, which the sigmas carry.
 */
export const ddim: Sampler = oneCallSampler(run => ancestral(run, run.options.eta ?? 0));

/** DDPM (Ho et al. 2020, eq. 7) between any two noise levels: its mean and variance are those of the ancestral step. */
export const ddpm: Sampler = oneCallSampler(run => ancestral(run, 1));
