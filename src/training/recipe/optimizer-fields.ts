/** @file The fields of a recipe that say how what is trained moves: optimizer, schedule, average. */
import { z } from 'zod';
import { optimizerNames } from '../optimizers/options.ts';

export const optimizerFields = {
  optimizer: z.enum(optimizerNames),
  /** By the names in `optimizers/options.ts`; `optimizerOptionsOf` checks them against the optimizer. */
  optimizerOptions: z.record(z.string(), z.union([z.number(), z.boolean(), z.null()]), {
    error: 'must be a table of numbers and true or false',
  }),
  /** `cosine-restarts`: how often the rate falls. */
  scheduleCycles: z.number().int().positive().max(10_000),
  /** `polynomial`. */
  schedulePower: z.number().positive().max(100),
  /** Of the learning rate, where the schedule ends. */
  scheduleMinRatio: z.number().min(0).lt(1),
  /** `warmup-stable-decay`: the last steps, in which the rate falls; null = a fifth of all. */
  decaySteps: z.number().int().nonnegative().nullable(),
  /** How much of the average of what is trained stays in a step; 0 = no average. */
  emaDecay: z.number().min(0).lt(1),
  /** The average follows faster at first. */
  emaWarmup: z.boolean(),
};

export type OptimizerFields = z.infer<z.ZodObject<typeof optimizerFields>>;

/** What a recipe says that does not mention them. */
export const optimizerDefaults: OptimizerFields = {
  optimizer: 'adamw',
  optimizerOptions: {},
  scheduleCycles: 1,
  schedulePower: 1,
  scheduleMinRatio: 0,
  decaySteps: null,
  emaDecay: 0,
  emaWarmup: true,
};
