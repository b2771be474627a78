/** @file What a sample asks of the UNet: noisy latent, target, weight. Pure functions of (seed, step, sample). */

import type { NoiseSchedule } from '../../diffusion/index.ts';
import type { Tensor } from '../../engine/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import { hasThreshold } from '../loss-graph.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { type HuberOptions, huberThreshold } from './huber-threshold.ts';
import { lossWeight, type PredictionType, type WeightOptions } from './loss-weight.ts';
import { drawNoise, type NoiseOptions, perturb } from './noise.ts';
import { trainedScheduler, trainingSchedule } from './schedule.ts';
import { openTimesteps, type TimestepOptions } from './timesteps.ts';

type ObjectiveRecipe = NoiseOptions &
  TimestepOptions &
  WeightOptions &
  HuberOptions &
  Pick<Recipe, 'loss' | 'predictionType' | 'zeroTerminalSnr'>;

export interface Objective {
  readonly recipe: ObjectiveRecipe;
  readonly schedule: NoiseSchedule;
  readonly predictionType: PredictionType;
  /** Validation looks at timesteps of its own. */
  readonly timestepOf: (step: number, sample: number) => number;
}

export interface Sample {
  readonly noisy: Float32Array;
  readonly target: Float32Array;
  readonly timestep: number;
  readonly weight: number;
  /** Where its loss bends, for losses that do. */
  readonly huberC?: number;
}

export function openObjective(checkpoint: Pick<Checkpoint, 'scheduler'>, recipe: ObjectiveRecipe): Objective {
  const scheduler = trainedScheduler(checkpoint, recipe);
  return {
    recipe,
    schedule: trainingSchedule(scheduler),
    predictionType: scheduler.predictionType,
    timestepOf: openTimesteps(recipe, scheduler.trainSteps),
  };
}

/**
 * Noisy latent and target at ᾱ (Ho et al. 2020, eq. 4; velocity: Salimans & Ho 2022, appendix D); `added` is the noise that
 * is mixed in where it is not what the target knows of.
 */
export function addNoise(
  latent: Float32Array,
  noise: Float32Array,
  alphaBar: number,
  predictionType: PredictionType,
  added = noise,
): Pick<Sample, 'noisy' | 'target'> {
  const [a, s] = [Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)];
  const noisy = latent.map((x, i) => a * x + s * added[i]);
  if (predictionType === 'epsilon') return { noisy, target: noise };
  return { noisy, target: latent.map((x, i) => a * noise[i] - s * x) };
}

/** Adds noise of a random timestep to `latent` [1, c, h, w]. */
export function drawSample(latent: Tensor, step: number, sample: number, objective: Objective): Sample {
  const { recipe, schedule, predictionType, timestepOf } = objective;
  const timestep = timestepOf(step, sample);
  const noise = drawNoise(latent, { step, sample }, recipe);
  const added = perturb(noise, { step, sample }, recipe);
  const alphaBar = schedule.alphasCumprod[timestep];
  const level = { timestep, alphaBar, trainSteps: schedule.alphasCumprod.length };
  return {
    ...addNoise(latent.data, noise, alphaBar, predictionType, added),
    timestep,
    weight: lossWeight(alphaBar, predictionType, recipe),
    ...(hasThreshold(recipe.loss) ? { huberC: huberThreshold(recipe, level) } : {}),
  };
}
