/** @file Guidance: what the network says with the prompt and without it, put together to one prediction. */
import type { Tensor } from '../engine/index.ts';

/** A prediction with a prompt, and how much of it is wanted: composed prompts have several (Liu et al. 2022). */
export interface PromptedPrediction {
  readonly data: Float32Array;
  readonly weight: number;
}

export interface GuidanceOptions {
  /** Classifier-free guidance scale (Ho & Salimans 2022). */
  readonly scale: number;
  /** φ: share of the guided prediction that gets back the spread of the prompted one (Lin et al. 2023, eq. 15–16). */
  readonly rescale: number;
}

/** u + Σ wᵢ·scale·(cᵢ − u); without u, the single c. */
export function guide(
  unprompted: Float32Array | undefined,
  prompted: readonly PromptedPrediction[],
  scale: number,
): Float32Array {
  if (!unprompted) return prompted[0].data;
  const out = Float32Array.from(unprompted);
  for (const { data, weight } of prompted) {
    const factor = weight * scale;
    for (let i = 0; i < out.length; i++) out[i] += factor * (data[i] - unprompted[i]);
  }
  return out;
}

/** Standard deviation of all numbers. */
function spread(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

/** Lin et al. 2023, eq. 15–16, in place, for one picture. */
export function rescaleGuided(guided: Float32Array, prompted: Float32Array, share: number): void {
  const factor = share * (spread(prompted) / spread(guided)) + (1 - share);
  for (let i = 0; i < guided.length; i++) guided[i] *= factor;
}

/** v of a noise prediction: ε/c − σ·c·x with c = 1/√(σ² + 1), of x at noise level σ. */
export function velocityOf(epsilon: Float32Array, x: Float32Array, sigma: number): Float32Array {
  const c = 1 / Math.sqrt(sigma * sigma + 1);
  return epsilon.map((value, i) => value / c - sigma * c * x[i]);
}

/** The noise prediction of v: c·v + σ·c²·x. */
export function epsilonOf(velocity: Float32Array, x: Float32Array, sigma: number): Float32Array {
  const c = 1 / Math.sqrt(sigma * sigma + 1);
  return velocity.map((value, i) => c * value + sigma * c * c * x[i]);
}

/** Picture `index` of a batch. */
export function sampleOf({ shape, data }: Tensor, index: number): Float32Array {
  const size = data.length / shape[0];
  return data.subarray(index * size, (index + 1) * size);
}
