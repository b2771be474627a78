/** @file What a recipe has where nothing was said: by family, as usual, or following from another field. */
import type { Family } from '../../models/index.ts';
import { optimizerAdvice } from '../optimizers/advice.ts';
import { dataDefaults } from './data-fields.ts';
import { networkDefaults } from './network-fields.ts';
import { newWordDefaults } from './new-word-fields.ts';
import { objectiveDefaults } from './objective-fields.ts';
import { optimizerDefaults } from './optimizer-fields.ts';
import { priorDefaults } from './prior-fields.ts';
import { savingDefaults } from './saving-fields.ts';
import type { GivenRecipe, Recipe } from './schema.ts';
import { validationDefaults } from './validation-fields.ts';

/** What a recipe says that does not mention them. */
export const usualFields = {
  ...networkDefaults,
  ...dataDefaults,
  ...objectiveDefaults,
  ...validationDefaults,
  ...priorDefaults,
  ...newWordDefaults,
  ...optimizerDefaults,
};

type FamilyDefaults = Pick<Recipe, 'steps' | 'rank' | 'alpha' | 'learningRate' | 'batch' | 'bucketStep'>;

export const familyDefaults: Readonly<Record<Family, FamilyDefaults>> = {
  pocket: { steps: 300, rank: 16, alpha: 16, learningRate: 2e-3, batch: 4, bucketStep: 16 },
  sd15: { steps: 1500, rank: 16, alpha: 16, learningRate: 1e-4, batch: 1, bucketStep: 64 },
  sd2: { steps: 1500, rank: 16, alpha: 16, learningRate: 1e-4, batch: 1, bucketStep: 64 },
  sdxl: { steps: 1500, rank: 16, alpha: 16, learningRate: 1e-4, batch: 1, bucketStep: 64 },
};

/** Fields beside the groups that have the same default whatever the base is. */
const plainDefaults = {
  schedule: 'cosine',
  warmupSteps: 0,
  accumulate: 1,
  targets: 'linear',
  seed: 0,
  flip: false,
  captionDropout: 0.05,
  minSnrGamma: 5,
  noiseOffset: 0,
  weightDecay: 0.01,
  maxGradientNorm: 1,
  caption: null,
  trigger: null,
  precision: 'float32',
  recompute: false,
  baseWeights: 'file',
} as const satisfies GivenRecipe;

/** A field whose default follows from what was given. */
export interface Following {
  readonly field: keyof Recipe;
  readonly value: unknown;
  /** In words: `follows rank`. */
  readonly how: string;
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

function alphaFrom({ rank }: GivenRecipe): Following[] {
  return isNumber(rank) ? [{ field: 'alpha', value: Math.max(1, rank), how: 'follows rank: scale 1' }] : [];
}

function weightFrom({ debiased, softMinSnrGamma }: GivenRecipe): Following[] {
  const soft = isNumber(softMinSnrGamma) && softMinSnrGamma > 0;
  if (debiased !== true && !soft) return [];
  const weighs = debiased === true ? 'debiased' : 'softMinSnrGamma';
  return [{ field: 'minSnrGamma', value: 0, how: `off: ${weighs} weighs timesteps already` }];
}

/** What goes with an optimizer that was chosen; see `optimizerAdvice`. */
function fromOptimizer(
  { optimizer, warmupSteps, optimizerOptions }: GivenRecipe,
  family: Family,
): Following[] {
  if (typeof optimizer !== 'string' || !Object.hasOwn(optimizerAdvice, optimizer)) return [];
  const { usualRate, reason, weightDecay, constantOnly, warmupOption } = optimizerAdvice[optimizer];
  const adamW = familyDefaults[family].learningRate;
  const rate = 'rate' in usualRate ? usualRate.rate : Number((adamW * usualRate.timesAdamW).toPrecision(12));
  const option = isNumber(warmupSteps) && warmupSteps > 0 ? warmupOption : undefined;
  return [
    ...(rate === adamW
      ? []
      : [{ field: 'learningRate', value: rate, how: `usual for ${optimizer}: ${reason}` } as const]),
    ...(weightDecay
      ? [
          {
            field: 'weightDecay',
            value: weightDecay.value,
            how: `usual for ${optimizer}: ${weightDecay.reason}`,
          } as const,
        ]
      : []),
    ...(constantOnly
      ? [{ field: 'schedule', value: 'constant', how: `for ${optimizer}: ${constantOnly}` } as const]
      : []),
    ...(option && optimizerOptions === undefined
      ? [{ field: 'optimizerOptions', value: { [option.option]: option.value }, how: option.reason } as const]
      : []),
  ];
}

/** Defaults that follow from fields that were given. */
export function followingFields(given: GivenRecipe, family: Family): Following[] {
  return [...alphaFrom(given), ...weightFrom(given), ...fromOptimizer(given, family)];
}

/** Everything that a recipe has that says only `given`. */
export function defaultsFor(given: GivenRecipe, family: Family, resolution: number): Record<string, unknown> {
  return {
    ...familyDefaults[family],
    resolution: { width: resolution, height: resolution },
    ...plainDefaults,
    ...usualFields,
    ...savingDefaults,
    ...Object.fromEntries(followingFields(given, family).map(({ field, value }) => [field, value])),
  };
}
