/** @file What a picture job holds: the wish of `lora generate`, with ids in place of paths. */
import { z } from 'zod';
import {
  emphasisRules,
  maskedContents,
  noiseSources,
  presetNames,
  resizeModes,
} from '../../generation/index.ts';
import { cardId, uploadId } from './ids.ts';

const share = z.number().min(0).max(1);
const side = z.number().int().min(8).max(4096);
const text = z.string().max(100_000);
/** Up to 2⁶⁴−1; JSON readers hold seeds above 2⁵³ only as text. −1 or absent: any. */
const seed = z.union([z.number().int().min(-1).max(Number.MAX_SAFE_INTEGER), z.string().regex(/^\d{1,20}$/)]);

const lora = z.strictObject({
  id: cardId,
  strength: z.number().min(-10).max(10).default(1),
  textStrength: z.number().min(-10).max(10).optional(),
  blocks: z.string().max(400).optional(),
  start: z.string().max(20).optional(),
  stop: z.string().max(20).optional(),
});

export const generatePayload = z.strictObject({
  base: cardId.default('pocket'),
  prompt: text,
  negativePrompt: text.default(''),
  /** Beside those of tags in the prompt, which are found in the library by name. */
  loras: z.array(lora).max(32).default([]),
  seed: seed.optional(),
  /** Picture i has seed + i. */
  count: z.number().int().min(1).max(100).default(1),
  /** Pictures drawn at once. */
  batch: z.number().int().min(1).max(16).default(1),
  preset: z.enum(presetNames).default('lora'),
  sampler: z.string().max(80).default('DPM++ 2M'),
  scheduler: z.string().max(80).optional(),
  samplerOptions: z
    .strictObject({
      ...{ eta: z.number().min(0).optional(), noise: z.number().min(0).optional() },
      ...{ churn: z.number().min(0).optional(), churnFrom: z.number().min(0).optional() },
      churnTo: z.number().positive().optional(),
    })
    .optional(),
  steps: z.number().int().min(1).max(1000).default(20),
  guidance: z.number().min(0).max(100).default(7),
  guidanceRescale: share.default(0),
  width: side.optional(),
  height: side.optional(),
  clipSkip: z.number().int().min(1).max(12).optional(),
  noise: z.enum(noiseSources).optional(),
  emphasis: z.enum(emphasisRules).optional(),
  variation: z.strictObject({ seed, strength: share }).optional(),
  noiseSize: z.strictObject({ width: side, height: side }).optional(),
  init: z
    .strictObject({
      picture: uploadId,
      strength: share.default(0.75),
      resize: z.enum(resizeModes).default('crop'),
    })
    .optional(),
  inpaint: z
    .strictObject({
      mask: uploadId,
      blur: z.number().min(0).max(256).default(4),
      invert: z.boolean().default(false),
      content: z.enum(maskedContents).default('original'),
      area: z.enum(['whole', 'masked']).default('whole'),
      padding: z.number().int().min(0).max(1024).default(32),
    })
    .optional(),
  hires: z
    .strictObject({
      scale: z.number().min(1).max(8).optional(),
      toWidth: side.optional(),
      toHeight: side.optional(),
      upscaler: z.string().max(80).default('latent'),
      steps: z.number().int().min(1).max(1000).optional(),
      strength: share.default(0.7),
      sampler: z.string().max(80).optional(),
      scheduler: z.string().max(80).optional(),
      guidance: z.number().min(0).max(100).optional(),
      prompt: text.optional(),
      negativePrompt: text.optional(),
    })
    .optional(),
  format: z.enum(['png', 'jpeg', 'webp']).default('png'),
  quality: z.number().int().min(1).max(100).optional(),
  /** Steps between live previews; 0: none. */
  previewEvery: z.number().int().min(0).max(1000).default(0),
  /** Whether pictures stay in the history; clients of the A1111 dialect usually keep their own. */
  keep: z.boolean().default(true),
});
export type GeneratePayload = z.output<typeof generatePayload>;

/** Whether what a job draws stays in the history; payloads of other kinds say nothing of it, and it does. */
export const isKeptInHistory = (payload: unknown): boolean =>
  (payload as { keep?: unknown } | null)?.keep !== false;
