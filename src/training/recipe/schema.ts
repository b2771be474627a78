/** @file What a recipe may say: every field with its type and range. */
import { z } from 'zod';
import { scheduleNames } from '../schedules.ts';
import { dataFields } from './data-fields.ts';
import { networkFields } from './network-fields.ts';
import { newWordFields } from './new-word-fields.ts';
import { objectiveFields } from './objective-fields.ts';
import { optimizerFields } from './optimizer-fields.ts';
import { priorFields } from './prior-fields.ts';
import { savingFields } from './saving-fields.ts';
import { validationFields } from './validation-fields.ts';

const positiveInteger = z.number().int().positive();

export const recipeSchema = z
  .object({
    steps: positiveInteger.max(10_000_000),
    rank: z.number(),
    /** scale = alpha / rank */
    alpha: z.number().positive(),
    learningRate: z.number().positive().max(10),
    schedule: z.enum(scheduleNames),
    warmupSteps: z.number().int().nonnegative(),
    batch: positiveInteger.max(1024),
    /** Micro-steps whose gradients are added before an update. */
    accumulate: positiveInteger.max(4096),
    resolution: z.object({ width: positiveInteger.max(8192), height: positiveInteger.max(8192) }).strict(),
    /** Smallest step between bucket sides, in pixels. */
    bucketStep: positiveInteger.max(8192),
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
    ...newWordFields,
    ...savingFields,
    ...optimizerFields,
  })
  .strict();

export type Recipe = z.infer<typeof recipeSchema>;
export type RecipeField = keyof Recipe;

/** Recipe fields that were given; alpha follows the rank unless given. */
export type GivenRecipe = { readonly [Field in RecipeField]?: Recipe[Field] | undefined };

export const recipeFields = Object.keys(recipeSchema.shape) as RecipeField[];

export const isRecipeField = (name: string): name is RecipeField => Object.hasOwn(recipeSchema.shape, name);
