/**
 * @file Which timesteps are drawn how often, as OneTrainer has them (modules/modelSetup/mixin/ModelSetupNoiseMixin.py,
 * _get_timestep_discrete, without shift): some place a random number in [0, 1], some give each timestep a weight.
 */
import { type RandomStream, randomStream } from '../../engine/index.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { betaMasses } from './beta-masses.ts';

export type TimestepOptions = Pick<
  Recipe,
  'seed' | 'timesteps' | 'timestepBias' | 'timestepWeight' | 'minTimestep' | 'maxTimestep'
>;

type Distribution = Recipe['timesteps'];

interface Shape {
  readonly bias: number;
  readonly weight: number;
}

type DrawFraction = (random: RandomStream, shape: Shape) => number;

/** Where in the range a timestep lies, 0 … 1. */
const fractions: Readonly<Partial<Record<Distribution, DrawFraction>>> = {
  /** (Esser et al. 2024, eq. 19) */
  'logit-normal': (random, { bias, weight }) => 1 / (1 + Math.exp(-(bias + (weight + 1) * random.normal()))),
  /** (Esser et al. 2024, eq. 20) */
  'heavy-tail': (random, { weight }) => {
    const u = random.uniform();
    return 1 - u - weight * (Math.cos((Math.PI / 2) * u) ** 2 - 1 + u);
  },
};

type WeighTimesteps = (count: number, shape: Shape) => ArrayLike<number>;

/** `count` weights from x along 0 … 1, both included. */
const along = (count: number, weigh: (x: number) => number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => weigh(count === 1 ? 0 : i / (count - 1)));

const weightings: Readonly<Partial<Record<Distribution, WeighTimesteps>>> = {
  sigmoid: (count, { bias, weight }) => along(count, x => 1 / (1 + Math.exp(-weight * (x - bias - 0.5)))),
  /** (Esser et al. 2024, eq. 21) */
  'cos-map': count => along(count, x => 2 / (Math.PI - 2 * Math.PI * x + 2 * Math.PI * x * x)),
  'inverted-parabola': (count, { bias, weight }) =>
    along(count, x => Math.max(0, 2 - weight * (x - bias - 0.5) ** 2)),
  beta: (count, { bias, weight }) => betaMasses(count, weight, bias),
};

/** The probability of each of `count` timesteps; undefined where timesteps are not drawn by weight. */
export function timestepProbabilities(
  { timesteps, timestepBias: bias, timestepWeight: weight }: TimestepOptions,
  count: number,
): Float64Array | undefined {
  const weights = weightings[timesteps]?.(count, { bias, weight });
  if (!weights) return undefined;
  const total = Array.from(weights).reduce((a, b) => a + b, 0);
  return Float64Array.from(weights, x => x / total);
}

/** Index of the first number of a rising list that is above `x`. */
function firstAbove(list: Float64Array, x: number): number {
  let [low, high] = [0, list.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] > x) high = middle;
    else low = middle + 1;
  }
  return low;
}

type DrawIndex = (random: RandomStream) => number;

function drawIndexOf(options: TimestepOptions, count: number): DrawIndex {
  const { timesteps, timestepBias: bias, timestepWeight: weight } = options;
  const fraction = fractions[timesteps];
  if (fraction) {
    const place = (random: RandomStream): number => Math.floor(fraction(random, { bias, weight }) * count);
    return random => Math.min(count - 1, Math.max(0, place(random)));
  }
  const probabilities = timestepProbabilities(options, count);
  if (!probabilities) return random => random.integer(count);
  let sum = 0;
  const cumulative = probabilities.map(p => (sum += p));
  return random => firstAbove(cumulative, random.uniform() * sum);
}

/** The timestep of a sample, from `minTimestep` up to but not `maxTimestep`. */
export function openTimesteps(
  options: TimestepOptions,
  trainSteps: number,
): (step: number, sample: number) => number {
  const { seed, minTimestep, maxTimestep } = options;
  const drawIndex = drawIndexOf(options, (maxTimestep ?? trainSteps) - minTimestep);
  return (step, sample) => minTimestep + drawIndex(randomStream(seed, 'timestep', step, sample));
}
