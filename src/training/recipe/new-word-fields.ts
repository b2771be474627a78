/** @file The fields of a recipe for a word of its own, whose vectors are trained with the LoRA (pivotal tuning). */
import { z } from 'zod';

export const newWordFields = {
  /** A word that captions and prompts use; null = none. */
  newWord: z
    .string()
    .regex(/^[^\s,.(){}[\]|\\:]{1,100}$/, 'must be one word without spaces, commas, colons or brackets')
    .nullable(),
  /** How many tokens it is read as. */
  newWordVectors: z.number().int().min(1).max(32),
  /** Words whose embeddings it starts as; null = small random numbers. */
  newWordInit: z.string().min(1).nullable(),
  /** null = that of the text encoder(s), or of the run. */
  newWordLearningRate: z.number().positive().max(10).nullable(),
};

export type NewWordFields = z.infer<z.ZodObject<typeof newWordFields>>;

export const newWordDefaults: NewWordFields = {
  newWord: null,
  newWordVectors: 1,
  newWordInit: null,
  newWordLearningRate: null,
};
