/** @file The fields of a recipe that say what a run leaves on the way. They change no number of the LoRA. */
import { z } from 'zod';

export const savingFields = {
  /** Save a LoRA file every n steps besides the last; 0 = only the last. */
  saveEvery: z.number().int().nonnegative(),
  /** The same by epochs. */
  saveEveryEpochs: z.number().int().nonnegative(),
  /** Keep so many of them, the newest; 0 = all. */
  keepSaves: z.number().int().nonnegative(),
  /** Steps between run states; 0 = by time only. */
  stateEvery: z.number().int().nonnegative(),
  stateEveryMinutes: z.number().positive(),
  /** Prompts of pictures drawn on the way, with and without the LoRA, in kohya's syntax. */
  previewPrompts: z.array(z.string().min(1)),
  /** Steps between previews; 0 = none. */
  previewEvery: z.number().int().nonnegative(),
  previewEveryEpochs: z.number().int().nonnegative(),
};

export type SavingFields = z.infer<z.ZodObject<typeof savingFields>>;

export const savingDefaults: SavingFields = {
  saveEvery: 0,
  saveEveryEpochs: 0,
  keepSaves: 0,
  stateEvery: 0,
  stateEveryMinutes: 1,
  previewPrompts: [],
  previewEvery: 0,
  previewEveryEpochs: 0,
};
