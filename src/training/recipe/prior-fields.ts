/** @file The fields of a recipe that keep what the base knows: the frozen base as a teacher of the class. */
import { z } from 'zod';

export const priorFields = {
  /** Weight of the loss against what the base predicts for the class; 0 = off. */
  priorPreservation: z.number().nonnegative(),
  /** Words of the class that stand in for the trigger word, e.g. `dog`. */
  priorClass: z.string().min(1).nullable(),
};

export type PriorFields = z.infer<z.ZodObject<typeof priorFields>>;

export const priorDefaults: PriorFields = { priorPreservation: 0, priorClass: null };
