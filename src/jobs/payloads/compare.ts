/** @file What a comparison holds: a picture wish, and axes as `lora compare` reads them. */
import { z } from 'zod';
import { generatePayload } from './generate.ts';

/** `strength: 0.4-1 [4]`; LoRAs of an axis are named as in prompts. */
const axis = z.string().min(1).max(10_000);

export const comparePayload = z.strictObject({
  picture: generatePayload.omit({ count: true, batch: true, previewEvery: true, keep: true }),
  x: axis.optional(),
  y: axis.optional(),
  z: z.array(axis).max(4).default([]),
});
export type ComparePayload = z.output<typeof comparePayload>;
