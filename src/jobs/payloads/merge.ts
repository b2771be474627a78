/** @file Merges: several LoRAs into one file, or LoRAs into a checkpoint. */
import { z } from 'zod';
import { cardId } from './ids.ts';

const source = z.strictObject({ id: cardId, strength: z.number().min(-10).max(10).default(1) });
const name = z
  .string()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,79}$/u, 'letters, digits, blanks, dots and dashes');

export const mergePayload = z.discriminatedUnion('into', [
  z.strictObject({
    into: z.literal('lora'),
    name,
    loras: z.array(source).min(1).max(16),
    /** Exact (ranks add up) unless said. */
    rank: z.number().int().min(1).max(1024).optional(),
  }),
  z.strictObject({
    into: z.literal('checkpoint'),
    name,
    base: cardId,
    loras: z.array(source).min(1).max(16),
  }),
]);
export type MergePayload = z.output<typeof mergePayload>;
