/** @file Looks: what a page asks and waits for, too heavy for the server's own process. */
import { z } from 'zod';
import { goalNames } from '../../training/index.ts';
import { cardId, datasetId } from './ids.ts';
import { trainPayload } from './train.ts';

/** What a training run would be: recipe with reasons, advice, memory, time. Without a name yet. */
export const planPayload = trainPayload.omit({ name: true, card: true });
export type PlanPayload = z.output<typeof planPayload>;

export const datasetReportPayload = z.strictObject({
  dataset: datasetId,
  base: cardId.default('pocket'),
  goal: z.enum(goalNames).optional(),
  trigger: z.string().max(200).optional(),
  resolution: z.strictObject({ width: z.number().int().min(8), height: z.number().int().min(8) }).optional(),
  batch: z.number().int().min(1).max(64).optional(),
});
export type DatasetReportPayload = z.output<typeof datasetReportPayload>;
