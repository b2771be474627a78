/**
 * @file The noise of a sample, in the order of sd-scripts (library/train_util.py, get_noise_noisy_latents_and_timesteps):
 * plain, offset, pyramid; a perturbation is added to what the UNet sees only. Where sd-scripts draws or measures once a
 * batch, here it is once a sample, so that a sample does not depend on its batch.
 */
import { randomStream, type Tensor } from '../../engine/index.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { addPyramid } from './pyramid-noise.ts';

export type NoiseOptions = Pick<
  Recipe,
  | 'seed'
  | 'noiseOffset'
  | 'noiseOffsetRandom'
  | 'adaptiveNoiseScale'
  | 'multiresIterations'
  | 'multiresDiscount'
  | 'inputPerturbation'
  | 'inputPerturbationRandom'
>;

/** Which sample of a run it is. */
export interface Place {
  readonly step: number;
  readonly sample: number;
}

/** The stream of a purpose; what is added later has a purpose of its own, so that older runs keep their numbers. */
const open = ({ seed }: NoiseOptions, purpose: string, { step, sample }: Place) =>
  randomStream(seed, purpose, step, sample);

function meansOf({ shape, data }: Tensor): number[] {
  const pixels = data.length / shape[1];
  return Array.from({ length: shape[1] }, (_, channel) => {
    let sum = 0;
    for (let i = channel * pixels; i < (channel + 1) * pixels; i++) sum += data[i];
    return sum / pixels;
  });
}

/** How far the noise of each channel is moved for a unit of randomness. */
function offsetStrengths(latent: Tensor, place: Place, options: NoiseOptions): number[] {
  const { noiseOffset, noiseOffsetRandom, adaptiveNoiseScale } = options;
  const strength = noiseOffsetRandom
    ? noiseOffset * open(options, 'noise offset strength', place).uniform()
    : noiseOffset;
  if (adaptiveNoiseScale === 0) return Array<number>(latent.shape[1]).fill(strength);
  return meansOf(latent).map(mean => Math.max(0, strength + adaptiveNoiseScale * Math.abs(mean)));
}

/** A constant per channel on top of the noise (crosslabs.org, "Diffusion With Offset Noise"). */
function addOffset(noise: Float32Array, latent: Tensor, place: Place, options: NoiseOptions): void {
  const strengths = offsetStrengths(latent, place, options);
  const offsets = open(options, 'noise offset', place).normals(strengths.length);
  const pixels = noise.length / strengths.length;
  for (let i = 0; i < noise.length; i++) {
    const channel = Math.floor(i / pixels);
    noise[i] += strengths[channel] * offsets[channel];
  }
}

/** The noise that a latent [1, c, h, w] is mixed with, and the target of epsilon prediction. */
export function drawNoise(latent: Tensor, place: Place, options: NoiseOptions): Float32Array {
  const noise = open(options, 'noise', place).normals(latent.data.length);
  if (options.noiseOffset > 0) addOffset(noise, latent, place, options);
  if (options.multiresIterations > 0) {
    const [, channels, height, width] = latent.shape;
    const { multiresIterations: levels, multiresDiscount: discount } = options;
    addPyramid(noise, {
      ...{ channels, height, width, levels, discount },
      ratios: open(options, 'pyramid ratio', place),
      normals: open(options, 'pyramid noise', place),
    });
  }
  return noise;
}

/** The noise as it is mixed in: with more of it than the target knows (Ning et al. 2023). */
export function perturb(noise: Float32Array, place: Place, options: NoiseOptions): Float32Array {
  const { inputPerturbation, inputPerturbationRandom } = options;
  if (inputPerturbation === 0) return noise;
  const strength = inputPerturbationRandom
    ? inputPerturbation * open(options, 'input perturbation strength', place).uniform()
    : inputPerturbation;
  const more = open(options, 'input perturbation', place).normals(noise.length);
  return noise.map((x, i) => x + strength * more[i]);
}
