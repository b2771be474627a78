/** @file The history of pictures, uploads, and what pictures of other programs say of themselves. */
import { z } from 'zod';
import { flag, pageQuery, time } from './common.ts';

export const pictureId = z.string().regex(/^[0-9a-f]{16}$/);

export const picture = z.object({
  id: pictureId,
  createdAt: time,
  width: z.number().int(),
  height: z.number().int(),
  prompt: z.string(),
  seed: z.string(),
  model: z.string(),
  loras: z.array(z.object({ name: z.string(), strength: z.number() })),
  favourite: z.boolean(),
  jobId: z.string().optional(),
  url: z.string(),
});

export const wholePicture = picture.extend({
  negativePrompt: z.string(),
  /** A1111's text. */
  parameters: z.string(),
  /** A job's payload that draws it again, as far as what it names is there; null where it says nothing. */
  payload: z.unknown(),
  /** LoRAs that are not in the library, by name and hash. */
  missing: z.array(z.object({ name: z.string(), hash: z.string().optional() })),
  /** What had to be taken otherwise than it is written. */
  findings: z.array(z.string()),
  fileName: z.string(),
  bytes: z.number().int(),
});

export const picturePage = z.object({ total: z.number().int(), pictures: z.array(picture) });
export const pictureQuery = z.strictObject({
  text: z.string().max(10_000).optional(),
  favourite: flag.optional(),
  jobId: z.string().max(64).optional(),
  ...pageQuery,
});
export const pictureEdit = z.strictObject({ favourite: z.boolean() });

/** What a dropped picture says of how it was made. */
export const readPicture = z.object({
  /** `a1111`, `comfyui` …; absent where it says nothing. */
  program: z.string().optional(),
  parameters: z.string().optional(),
  payload: z.unknown().optional(),
  missing: z.array(z.object({ name: z.string(), hash: z.string().optional() })),
  findings: z.array(z.string()),
});

export const upload = z.object({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  width: z.number().int(),
  height: z.number().int(),
  url: z.string(),
});

export type ApiPicture = z.output<typeof picture>;
export type ApiWholePicture = z.output<typeof wholePicture>;
export type ApiReadPicture = z.output<typeof readPicture>;
export type ApiUpload = z.output<typeof upload>;
