/** @file Where Huber losses bend from square to straight, by the timestep (sd-scripts, get_huber_threshold_if_needed). */
import type { Recipe } from '../recipe/recipe.ts';

export type HuberOptions = Pick<Recipe, 'huberSchedule' | 'huberC' | 'huberScale'>;

interface NoiseLevel {
  readonly timestep: number;
  readonly alphaBar: number;
  /** Timesteps of the schedule. */
  readonly trainSteps: number;
}

type Rule = (options: HuberOptions, level: NoiseLevel) => number;

const rules: Readonly<Record<Recipe['huberSchedule'], Rule>> = {
  constant: ({ huberC, huberScale }) => huberC * huberScale,
  exponential: ({ huberC, huberScale }, { timestep, trainSteps }) =>
    huberC ** (timestep / trainSteps) * huberScale,
  /** Reads no scale, as in sd-scripts. */
  snr: ({ huberC }, { alphaBar }) => (1 - huberC) / (1 + Math.sqrt((1 - alphaBar) / alphaBar)) ** 2 + huberC,
};

export function huberThreshold(options: HuberOptions, level: NoiseLevel): number {
  return rules[options.huberSchedule](options, level);
}
