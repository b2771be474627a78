/** @file How samplers put noise into their steps: ancestral and by churn. */
import type { Tensor } from '../../engine/index.ts';
import { combine, type SamplerRun } from './loop.ts';

/**
 * Splits a step to σ' into a deterministic step to σ_down and fresh noise σ_up (Song et al. 2021, eq. 16 with η).
 * η = 0 is no noise at all.
 */
export function ancestralSplit(sigma: number, sigmaNext: number, eta = 1): { down: number; up: number } {
  const variance = (sigmaNext ** 2 * (sigma ** 2 - sigmaNext ** 2)) / sigma ** 2;
  const up = Math.min(sigmaNext, eta * Math.sqrt(variance));
  return { down: Math.sqrt(sigmaNext ** 2 - up ** 2), up };
}

/** x + up·noise for the way from sigma to sigmaNext. */
export function addNoise(
  x: Float32Array,
  up: number,
  [sigma, sigmaNext]: readonly [number, number],
  { noise, sNoise = 1 }: SamplerRun['options'],
): Float32Array {
  return up === 0 ? x : combine(1, x, up * sNoise, noise(sigma, sigmaNext).data);
}

/**
 * Karras et al. 2022, algorithm 2, lines 4–6: x at σ_i → x at σ̂ ≥ σ_i. Where there is churn at all, noise is drawn in
 * every step, used or not, as k-diffusion does: the stream does not depend on the range.
 */
export function churned(run: SamplerRun, x: Tensor, i: number): { x: Tensor; sigma: number } {
  const { churn, noise, sNoise = 1 } = run.options;
  const sigma = run.sigmas[i];
  if (!churn || churn.amount === 0) return { x, sigma };
  const drawn = noise(sigma, run.sigmas[i + 1]);
  if (sigma < churn.from || sigma > churn.to) return { x, sigma };
  const gamma = Math.min(churn.amount / (run.sigmas.length - 1), Math.SQRT2 - 1);
  const raised = sigma * (1 + gamma);
  const up = Math.sqrt(raised ** 2 - sigma ** 2) * sNoise;
  return { x: { shape: x.shape, data: combine(1, x.data, up, drawn.data) }, sigma: raised };
}
