/** @file The fields of a recipe that say what is trained: kind, ranks, starts, dropouts, text encoders, exceptions. */
import { z } from 'zod';

/** A probability of leaving out; 1 would leave out everything. */
const dropout = z.number().min(0).lt(1);
const ratio = z.number().positive();
const rate = z.number().positive().max(10);
/** kohya's list of a number a block; see block-lists.ts. */
const blockList = z
  .union([z.string().min(1), z.array(z.number())], { error: 'must be a list of numbers, one a block' })
  .nullable();

const override = z
  .object({
    /** A target expression. */
    match: z.string().min(1),
    rank: z.number().optional(),
    alpha: z.number().positive().optional(),
    learningRate: rate.optional(),
    kind: z.enum(['lora', 'loha', 'lokr']).optional(),
  })
  .strict();

export type Override = z.infer<typeof override>;

export const networkFields = {
  kind: z.enum(['lora', 'loha', 'lokr']),
  /** The factor of ΔW is alpha/√rank (Kalajdzievski 2023). */
  rsLora: z.boolean(),
  /** DoRA (Liu et al. 2024): one trained norm an output, or as OneTrainer an input. */
  dora: z.preprocess(
    value => (value === true ? 'output' : value),
    z.union([z.literal(false), z.enum(['output', 'input'])], { error: 'must be false, output or input' }),
  ),
  /** Of k×k convolutions; null = like all other layers. */
  convRank: z.number().nullable(),
  convAlpha: z.number().positive().nullable(),
  /** k×k convolutions in Tucker form. */
  tucker: z.boolean(),
  /** `lokr`: size of the small matrix; −1 = as square as possible. */
  factor: z.number().int(),
  decomposeBoth: z.boolean(),
  fullMatrix: z.boolean(),
  dropout,
  rankDropout: dropout,
  moduleDropout: dropout,
  init: z.enum(['kaiming', 'gaussian', 'orthogonal', 'pissa']),
  /** Largest norm of a layer's ΔW; 0 = no limit. */
  scaleWeightNorms: z.number().nonnegative(),
  /** LoRA+ (Hayou et al. 2024): times the rate, for B. */
  loraPlusRatio: ratio,
  unetLoraPlusRatio: ratio.nullable(),
  textLoraPlusRatio: ratio.nullable(),
  /** Layers of the text encoders; null = they are not trained. */
  textTargets: z.string().min(1).nullable(),
  textRank: z.number().nullable(),
  textAlpha: z.number().positive().nullable(),
  /** One rate, or one for each of SDXL's encoders; null = that of the run. */
  textLearningRate: z
    .union([rate, z.tuple([rate, rate])], { error: 'must be a rate above 0, at most 10, or two of them' })
    .nullable(),
  /** Times the rate of the run; 0 = the block is not trained. */
  blockRates: blockList,
  blockRanks: blockList,
  blockAlphas: blockList,
  /** Exceptions for some layers; later ones win. */
  overrides: z.array(override),
};

export type NetworkFields = z.infer<z.ZodObject<typeof networkFields>>;

/** What a recipe says that does not mention them. */
export const networkDefaults: NetworkFields = {
  kind: 'lora',
  rsLora: false,
  dora: false,
  convRank: null,
  convAlpha: null,
  tucker: false,
  factor: -1,
  decomposeBoth: false,
  fullMatrix: false,
  dropout: 0,
  rankDropout: 0,
  moduleDropout: 0,
  init: 'kaiming',
  scaleWeightNorms: 0,
  loraPlusRatio: 1,
  unetLoraPlusRatio: null,
  textLoraPlusRatio: null,
  textTargets: null,
  textRank: null,
  textAlpha: null,
  textLearningRate: null,
  blockRates: null,
  blockRanks: null,
  blockAlphas: null,
  overrides: [],
};
