/** @file What a sample asks of the UNet: noisy latent, target, weight. Pure functions of (seed, step, sample). */

import type { NoiseSchedule } from '../diffusion/index.ts';
import { randomStream, type Tensor } from '../engine/index.ts';

export interface ObjectiveOptions {
  readonly schedule: NoiseSchedule;
  readonly predictionType: 'epsilon' | 'v_prediction';
  readonly minSnrGamma: number;
  readonly noiseOffset: number;
  readonly seed: number;
}

export interface Sample {
  readonly noisy: Float32Array;
  readonly target: Float32Array;
  readonly timestep: number;
  readonly weight: number;
}

/** min(SNR, γ)/SNR for epsilon, min(SNR, γ)/(SNR + 1) for velocity (Hang et al. 2023); 1 when γ is 0. */
export function snrWeight(
  alphaBar: number,
  gamma: number,
  predictionType: 'epsilon' | 'v_prediction',
): number {
  if (gamma === 0) return 1;
  const snr = alphaBar / (1 - alphaBar);
  return Math.min(snr, gamma) / (predictionType === 'epsilon' ? snr : snr + 1);
}

/** Noisy latent and target at ᾱ (Ho et al. 2020, eq. 4; velocity: Salimans & Ho 2022, appendix D). */
export function addNoise(
  latent: Float32Array,
  noise: Float32Array,
  alphaBar: number,
  predictionType: 'epsilon' | 'v_prediction',
): Pick<Sample, 'noisy' | 'target'> {
  const [a, s] = [Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)];
  const noisy = latent.map((x, i) => a * x + s * noise[i]);
  if (predictionType === 'epsilon') return { noisy, target: noise };
  return { noisy, target: latent.map((x, i) => a * noise[i] - s * x) };
}

/** Adds noise of a random timestep to `latent` [1, c, h, w]. */
export function drawSample(latent: Tensor, step: number, sample: number, options: ObjectiveOptions): Sample {
  const { schedule, predictionType, seed } = options;
  const timestep = randomStream(seed, 'timestep', step, sample).integer(schedule.alphasCumprod.length);
  const noise = randomStream(seed, 'noise', step, sample).normals(latent.data.length);
  if (options.noiseOffset > 0) addOffset(noise, latent, step, sample, options);
  const alphaBar = schedule.alphasCumprod[timestep];
  const weight = snrWeight(alphaBar, options.minSnrGamma, predictionType);
  return { ...addNoise(latent.data, noise, alphaBar, predictionType), timestep, weight };
}

/** A constant per channel on top of the noise (crosslabs.org, "Diffusion With Offset Noise"). */
function addOffset(
  noise: Float32Array,
  latent: Tensor,
  step: number,
  sample: number,
  options: ObjectiveOptions,
): void {
  const channels = latent.shape[1];
  const pixels = noise.length / channels;
  const offsets = randomStream(options.seed, 'noise offset', step, sample).normals(channels);
  for (let i = 0; i < noise.length; i++) noise[i] += options.noiseOffset * offsets[Math.floor(i / pixels)];
}
