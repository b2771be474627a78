/** @file Which optimizer knows which option, with the default of its reference implementation. */
import { z } from 'zod';
import { nearestWords, usageError } from '../../errors.ts';

/** How much of a running average stays. */
const keep = z.number().min(0).lt(1);
const epsilon = z.number().positive().max(1);

/** Adam (Kingma & Ba 2015). */
const moments = { beta1: keep.default(0.9), beta2: keep.default(0.999), epsilon: epsilon.default(1e-8) };

/** D-Adaptation and what came from it. */
const adapted = {
  /** Weight decay beside the gradient, as in AdamW, instead of in it. */
  decouple: z.boolean().default(true),
  /** Without it the first steps are several times too large, and short runs do not recover. */
  useBiasCorrection: z.boolean().default(true),
  /** The first estimate of the distance to the solution. */
  d0: z.number().positive().max(1).default(1e-6),
  /** How many times larger the estimate may get in a step; null = any. */
  growthRate: z.number().gt(1).nullable().default(null),
};

/**
 * Defaults are those of torch, bitsandbytes, lion-pytorch, transformers, prodigyopt, dadaptation, schedulefree and
 * came-pytorch, but for `packageDefaults`.
 */
export const optimizerOptionFields = {
  adamw: z.strictObject(moments),
  adamw8bit: z.strictObject(moments),
  lion: z.strictObject({ beta1: keep.default(0.9), beta2: keep.default(0.99) }),
  adafactor: z
    .strictObject({
      /** The rate is a function of the step, at most 1e-2; that of the recipe is not used. */
      relativeStep: z.boolean().default(false),
      /** Times the root mean square of the parameter. */
      scaleParameter: z.boolean().default(false),
      /** `relativeStep`: rises by 1e-6 a step from 0. */
      warmupInit: z.boolean().default(false),
      /** null = no first moment. */
      beta1: keep.nullable().default(null),
      /** The second moment keeps 1 − step^decayRate. */
      decayRate: z.number().gt(-1).lt(0).default(-0.8),
      /** Largest root mean square of an update. */
      clipThreshold: z.number().positive().default(1),
      epsilon: epsilon.default(1e-30),
      /** `scaleParameter`: the least root mean square. */
      scaleEpsilon: epsilon.default(1e-3),
    })
    .refine(({ relativeStep, warmupInit }) => relativeStep || !warmupInit, {
      path: ['warmupInit'],
      error: 'goes with relativeStep only',
    }),
  prodigy: z.strictObject({
    ...moments,
    /** Of the estimate of d; null = √beta2. */
    beta3: keep.nullable().default(null),
    ...adapted,
    /** Times the estimate: 0.5 or 2 for smaller or larger steps. */
    dCoef: z.number().positive().default(1),
    /** Leaves the rate out of the estimate's denominator, for schedules with warm-up. */
    safeguardWarmup: z.boolean().default(false),
    /** The estimate looks at every n-th number only; 11 saves most of its memory. */
    sliceP: z.number().int().positive().default(1),
  }),
  'dadapt-adamw': z.strictObject({ ...moments, ...adapted }),
  'schedulefree-adamw': z.strictObject({
    ...moments,
    /** Between the averaged weights and the newest ones the gradient is taken at. */
    beta1: keep.positive().default(0.9),
    /** Later steps count as step^r in the average. */
    r: z.number().nonnegative().default(0),
    /** Steps count as (largest rate so far)^this. */
    weightRatePower: z.number().nonnegative().default(2),
  }),
  came: z.strictObject({
    beta1: keep.default(0.9),
    beta2: keep.default(0.999),
    /** Of the instability. */
    beta3: keep.default(0.9999),
    epsilon: epsilon.default(1e-30),
    instabilityEpsilon: epsilon.default(1e-16),
    clipThreshold: z.number().positive().default(1),
  }),
  /** torch has no default; sd-scripts takes 0.9. */
  'sgd-nesterov': z.strictObject({ momentum: keep.positive().default(0.9) }),
};

/** What the packages do where nothing is said, where that is not what is done here: for recipes of other trainers. */
export const packageDefaults: { readonly [Name in OptimizerName]?: OptimizerOptions } = {
  adafactor: { relativeStep: true, scaleParameter: true },
  prodigy: { useBiasCorrection: false },
  'dadapt-adamw': { decouple: false, useBiasCorrection: false },
};

export type OptimizerName = keyof typeof optimizerOptionFields;
export const optimizerNames = Object.keys(optimizerOptionFields) as OptimizerName[];

/** As a recipe gives them: any names; what is not there has its default. */
export type OptimizerOptions = Readonly<Record<string, number | boolean | null>>;

/** All options of one optimizer. */
export type OptionsOf<Name extends OptimizerName> = Readonly<z.output<(typeof optimizerOptionFields)[Name]>>;

/** What an optimizer is asked for, with defaults. Throws RECIPE_INVALID naming the option and those it knows. */
export function optimizerOptionsOf<Name extends OptimizerName>(
  name: Name,
  given: OptimizerOptions,
): OptionsOf<Name> {
  const fields = optimizerOptionFields[name];
  const known = Object.keys(fields.shape);
  const unknown = Object.keys(given).find(option => !known.includes(option));
  if (unknown !== undefined) {
    const message = `recipe field optimizerOptions.${unknown}: ${name} has no such option`;
    const meant = nearestWords(unknown, known, 1).map(word => `Did you mean ${word}? `);
    throw usageError('RECIPE_INVALID', message, `${meant.join('')}It has ${known.join(', ')}.`);
  }
  const result = fields.safeParse(given);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw usageError(
      'RECIPE_INVALID',
      `recipe field optimizerOptions.${issue.path.join('.')}: ${issue.message}`,
    );
  }
  return result.data as unknown as OptionsOf<Name>;
}
