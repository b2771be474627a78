/** @file Whether bias and weight are a shape that a distribution of timesteps can have. */
import { type TimestepOptions, timestepProbabilities } from './timesteps.ts';

type ShapeField = 'timestepBias' | 'timestepWeight';

/** Where the map of heavy-tail is still one to one (Esser et al. 2024, section 3.1). */
const heavyTail = { least: -1, most: 2 / (Math.PI - 2) };
/** More than this is a single timestep. */
const largestBeta = 100;

type Bounds = (field: ShapeField, value: number) => string | undefined;

const bounds: Readonly<Partial<Record<TimestepOptions['timesteps'], Bounds>>> = {
  'heavy-tail': (field, value) =>
    field === 'timestepWeight' && !(value >= heavyTail.least && value <= heavyTail.most)
      ? `must be from ${heavyTail.least} to ${heavyTail.most.toFixed(2)} for heavy-tail`
      : undefined,
  'logit-normal': (field, value) =>
    field === 'timestepWeight' && value <= -1
      ? 'must be above -1 for logit-normal, whose deviation is 1 more'
      : undefined,
  beta: (_, value) =>
    value > 0 && value <= largestBeta
      ? undefined
      : `must be above 0 and at most ${largestBeta} for beta, whose α is timestepWeight and β timestepBias`,
};

/** Distributions whose weights may all be 0. */
const mayVanish: readonly TimestepOptions['timesteps'][] = ['sigmoid', 'inverted-parabola'];

/** What is wrong with a field for the distribution of a recipe, without the field's name; undefined where nothing is. */
export function shapeProblem(
  field: ShapeField,
  options: TimestepOptions,
  trainSteps: number,
): string | undefined {
  const count = (options.maxTimestep ?? trainSteps) - options.minTimestep;
  if (count > 0 && field === 'timestepWeight' && mayVanish.includes(options.timesteps)) {
    const isDrawn = timestepProbabilities(options, count)?.every(Number.isFinite);
    return isDrawn ? undefined : `and timestepBias leave ${options.timesteps} no timestep to draw`;
  }
  return bounds[options.timesteps]?.(field, options[field]);
}
