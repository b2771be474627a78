/** @file Euler's method, plain and ancestral. */
import { combine, oneCallSampler, type Sampler } from './loop.ts';

/** Algorithm 2 of Karras et al. 2022 without churn: x + (σ' − σ)·(x − D)/σ. */
export const euler: Sampler = oneCallSampler(() => (x, D, sigma, sigmaNext) => {
  const ratio = sigmaNext / sigma;
  return combine(ratio, x, 1 - ratio, D);
});

/**
 * DDIM with η = 0 (Song et al. 2021, eq. 12). In the variance-exploding variable x/√ᾱ it is Euler's step; only the
 * spacing of timesteps differs, which the sigmas carry.
 */
export const ddim: Sampler = euler;

/** Splits a step to σ' into a deterministic step to σ_down and fresh noise σ_up, η = 1 (Song et al. 2021, eq. 16). */
export function ancestralSplit(sigma: number, sigmaNext: number): { down: number; up: number } {
  const variance = (sigmaNext ** 2 * (sigma ** 2 - sigmaNext ** 2)) / sigma ** 2;
  const up = Math.min(sigmaNext, Math.sqrt(variance));
  return { down: Math.sqrt(sigmaNext ** 2 - up ** 2), up };
}

/** Ancestral sampling with Euler steps. */
export const eulerAncestral: Sampler = oneCallSampler(({ noise }) => (x, D, sigma, sigmaNext) => {
  const { down, up } = ancestralSplit(sigma, sigmaNext);
  const ratio = down / sigma;
  const next = combine(ratio, x, 1 - ratio, D);
  return sigmaNext > 0 ? combine(1, next, up, noise().data) : next;
});
