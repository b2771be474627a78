/** @file The fields of a recipe that say how a run is judged on pictures it does not see, and when it stops. */
import { z } from 'zod';

export const validationFields = {
  /** Share of the pictures that is held out; 0 = none, unless there is a folder. */
  validationShare: z.number().min(0).max(0.9),
  /** A folder of held-out pictures instead. */
  validationFolder: z.string().min(1).nullable(),
  /** Steps between looks; 0 = once an epoch, but at least ten in a run. */
  validateEvery: z.number().int().nonnegative(),
  /** Draws of timestep and noise for each picture. */
  validationDraws: z.number().int().positive().max(10_000),
  /** Looks without a better one after which the run stops; 0 = it goes on to the end. */
  patience: z.number().int().nonnegative(),
  /** For small sets: so many runs, each without other pictures, find the number of steps; then all are trained on. 0 = off. */
  leaveOut: z.number().int().nonnegative().max(100),
};

export type ValidationFields = z.infer<z.ZodObject<typeof validationFields>>;

export const validationDefaults: ValidationFields = {
  validationShare: 0,
  validationFolder: null,
  validateEvery: 0,
  validationDraws: 32,
  patience: 0,
  leaveOut: 0,
};
