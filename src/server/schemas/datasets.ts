/** @file Data sets as the API tells them. */
import { z } from 'zod';
import { datasetId } from '../../jobs/index.ts';
import { time } from './common.ts';

export const datasetPictureId = z.string().regex(/^[0-9a-f]{16}$/);

export const dataset = z.object({
  id: datasetId,
  name: z.string(),
  /** `own` lies in the data folder; `folder` is one of the user's, edited in place; `example` came with the package. */
  origin: z.enum(['own', 'folder', 'example']),
  pictures: z.number().int(),
  captioned: z.number().int(),
  bytes: z.number(),
  changedAt: time,
  /** Up to four pictures to show it by. */
  covers: z.array(z.string()),
  /** A word and a goal that an example is meant to be trained with. */
  suggestion: z.object({ goal: z.string(), trigger: z.string() }).optional(),
  licence: z.string().optional(),
  /** Why nothing can be told of it, e.g. its drive is away. */
  fault: z.object({ code: z.string(), message: z.string() }).optional(),
});

export const datasetPicture = z.object({
  id: datasetPictureId,
  /** Within the data set, with its folder where it is in one. */
  name: z.string(),
  width: z.number().int(),
  height: z.number().int(),
  bytes: z.number().int(),
  caption: z.string(),
  /** Where the caption comes from: `.txt`, a metadata file …, or undefined where there is none. */
  captionSource: z.string().optional(),
  url: z.string(),
  /** Why it cannot be used. */
  fault: z.object({ code: z.string(), message: z.string() }).optional(),
});

export const wholeDataset = dataset.extend({ items: z.array(datasetPicture), canUndo: z.boolean() });

export const newDataset = z.strictObject({
  name: z
    .string()
    .regex(/^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_ .-]{0,79}$/u, 'letters, digits, blanks, dots and dashes'),
  /** A copy of this one. */
  from: datasetId.optional(),
});

/** On the machine of the studio; it stays where it is. */
export const newDatasetFolder = z.strictObject({ path: z.string().min(1).max(4096) });

/** As `lora dataset caption`: what is done, to which pictures; without `write` it is only shown. */
export const captionEdit = z.strictObject({
  add: z.array(z.string().min(1).max(2000)).max(50).optional(),
  /** What is added stands at the end; at the start unless said. */
  addLast: z.boolean().optional(),
  remove: z.array(z.string().min(1).max(2000)).max(50).optional(),
  replace: z
    .array(z.strictObject({ from: z.string().min(1).max(2000), to: z.string().max(2000) }))
    .max(50)
    .optional(),
  /** The whole caption, in place of the rest. */
  set: z.string().max(10_000).optional(),
  /** Pictures by id; all unless given. */
  only: z.array(datasetPictureId).max(100_000).optional(),
  write: z.boolean().default(false),
});

export const captionChanges = z.object({
  changes: z.array(
    z.object({ id: datasetPictureId, name: z.string(), before: z.string(), after: z.string() }),
  ),
  written: z.boolean(),
});

export const captionText = z.strictObject({ text: z.string().max(10_000) });

export type ApiDataset = z.output<typeof dataset>;
export type ApiWholeDataset = z.output<typeof wholeDataset>;
export type ApiDatasetPicture = z.output<typeof datasetPicture>;
export type ApiCaptionEdit = z.input<typeof captionEdit>;
export type ApiCaptionChanges = z.output<typeof captionChanges>;
