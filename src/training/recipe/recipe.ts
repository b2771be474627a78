/** @file The recipe: everything that decides a training run, validated, with defaults by family. */
import { z } from 'zod';
import { usageError } from '../../errors.ts';
import type { Family } from '../../models/index.ts';
import { dataDefaults, dataFields } from './data-fields.ts';
import { networkDefaults, networkFields } from './network-fields.ts';
import { objectiveDefaults, objectiveFields } from './objective-fields.ts';
import { priorDefaults, priorFields } from './prior-fields.ts';
import { savingDefaults, savingFields } from './saving-fields.ts';
import { validationDefaults, validationFields } from './validation-fields.ts';

const positiveInteger = z.number().int().positive();

const recipeSchema = z
  .object({
    steps: positiveInteger.max(10_000_000),
    rank: z.number(),
    /** scale = alpha / rank */
    alpha: z.number().positive(),
    learningRate: z.number().positive().max(10),
    schedule: z.enum(['constant', 'cosine', 'linear']),
    warmupSteps: z.number().int().nonnegative(),
    batch: positiveInteger.max(1024),
    /** Micro-steps whose gradients are added before an update. */
    accumulate: positiveInteger.max(4096),
    resolution: z.object({ width: positiveInteger.max(8192), height: positiveInteger.max(8192) }),
    /** Smallest step between bucket sides, in pixels. */
    bucketStep: positiveInteger,
    targets: z.string().min(1),
    seed: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
    flip: z.boolean(),
    captionDropout: z.number().min(0).max(1),
    /** min-SNR γ (Hang et al. 2023); 0 = every timestep counts the same. */
    minSnrGamma: z.number().nonnegative(),
    noiseOffset: z.number().nonnegative(),
    weightDecay: z.number().nonnegative(),
    maxGradientNorm: z.number().nonnegative(),
    caption: z.string().nullable(),
    trigger: z.string().nullable(),
    precision: z.enum(['float32', 'float16', 'bfloat16']),
    /** What backward makes again instead of keeping it: nothing, the blocks at full resolution, or all blocks. */
    recompute: z.union([z.boolean(), z.literal('finest')]),
    /** How the base's weights are held: as in their file, or rounded to half precision or 8 bits to save memory. */
    baseWeights: z.enum(['file', 'float16', 'int8']),
    ...networkFields,
    ...dataFields,
    ...objectiveFields,
    ...validationFields,
    ...priorFields,
    ...savingFields,
  })
  .strict();

export type Recipe = z.infer<typeof recipeSchema>;

/** What a recipe says that does not mention them. */
export const usualFields = {
  ...networkDefaults,
  ...dataDefaults,
  ...objectiveDefaults,
  ...validationDefaults,
  ...priorDefaults,
};

/** The fields that are not as usual: what a recipe without them would not have. */
export function unusualFields(recipe: Recipe): Partial<Recipe> {
  const isUnusual = (name: keyof typeof usualFields): boolean =>
    JSON.stringify(recipe[name]) !== JSON.stringify(usualFields[name]);
  const names = (Object.keys(usualFields) as (keyof typeof usualFields)[]).filter(isUnusual);
  return Object.fromEntries(names.map(name => [name, recipe[name]]));
}

type FamilyDefaults = Pick<Recipe, 'steps' | 'rank' | 'alpha' | 'learningRate' | 'batch' | 'bucketStep'>;

const familyDefaults: Readonly<Record<Family, FamilyDefaults>> = {
  pocket: { steps: 300, rank: 16, alpha: 16, learningRate: 2e-3, batch: 4, bucketStep: 16 },
  sd15: { steps: 1500, rank: 16, alpha: 16, learningRate: 1e-4, batch: 1, bucketStep: 64 },
  sd2: { steps: 1500, rank: 16, alpha: 16, learningRate: 1e-4, batch: 1, bucketStep: 64 },
  sdxl: { steps: 1500, rank: 16, alpha: 16, learningRate: 1e-4, batch: 1, bucketStep: 64 },
};

/** Recipe fields that were given; alpha follows the rank unless given. */
export type GivenRecipe = { readonly [Field in keyof Recipe]?: Recipe[Field] | undefined };

/** Completes what was given with defaults, and checks every field; throws RECIPE_INVALID naming the field. */
export function completeRecipe(given: GivenRecipe, family: Family, resolution: number): Recipe {
  const defaults = familyDefaults[family];
  const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const result = recipeSchema.safeParse({
    ...defaults,
    alpha: Math.max(1, given.rank ?? defaults.alpha),
    schedule: 'cosine',
    warmupSteps: 0,
    accumulate: 1,
    resolution: { width: resolution, height: resolution },
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
    ...usualFields,
    ...savingDefaults,
    ...known,
  });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue.path.join('.') || String((issue as { keys?: string[] }).keys ?? '');
  throw usageError('RECIPE_INVALID', `recipe field ${field}: ${issue.message}`);
}

/** Parses a recipe file (JSON) into given fields; unknown fields are refused by `completeRecipe`. */
export function parseRecipe(text: string, path: string): GivenRecipe {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw usageError('RECIPE_NOT_JSON', `${path} is not valid JSON: ${(cause as Error).message}`);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw usageError('RECIPE_NOT_JSON', `${path} must hold one JSON object`);
  }
  return json as GivenRecipe;
}
