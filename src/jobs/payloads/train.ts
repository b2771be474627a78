/** @file What a training job holds: a data set, a base, and what of the recipe was said. */
import { z } from 'zod';
import { goalNames } from '../../training/index.ts';
import { cardId, datasetId } from './ids.ts';

export const trainPayload = z.strictObject({
  /** Of the LoRA and of its file. */
  name: z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,79}$/u, 'letters, digits, blanks, dots and dashes'),
  base: cardId.default('pocket'),
  dataset: datasetId,
  goal: z.enum(goalNames).optional(),
  trigger: z.string().max(200).optional(),
  epochs: z.number().int().min(1).max(1_000_000).optional(),
  /** Fields of the recipe that were said; checked by the recipe's own schema, all faults at once. */
  recipe: z.record(z.string(), z.unknown()).default({}),
  /** Prompts that show how it learns, in sd-scripts' syntax; the page proposes some. */
  previewPrompts: z.array(z.string().max(2000)).max(8).default([]),
  previewEvery: z.number().int().min(0).max(1_000_000).default(0),
  memory: z.number().positive().optional(),
  /** The LoRA that it starts from. */
  continueFrom: cardId.optional(),
  /** For the card and the file. */
  card: z
    .strictObject({
      description: z.string().max(20_000).optional(),
      author: z.string().max(200).optional(),
      license: z.string().max(200).optional(),
      tags: z.array(z.string().max(80)).max(64).optional(),
    })
    .default({}),
});
export type TrainPayload = z.output<typeof trainPayload>;
