/** @file Jobs as the API tells them. */
import { z } from 'zod';
import { type JobKind, jobKindNames, jobStates } from '../../jobs/index.ts';
import { flag, pageQuery, time } from './common.ts';

export const jobId = z.string().regex(/^[A-Za-z0-9_-]{8,64}$/);

export const jobProgress = z.object({
  share: z.number(),
  text: z.string(),
  secondsLeft: z.number().optional(),
  detail: z.unknown().optional(),
});

export const jobError = z.object({ code: z.string(), message: z.string(), hint: z.string().optional() });

export const artefact = z.object({
  name: z.string(),
  type: z.enum(['picture', 'lora', 'checkpoint', 'sheet', 'file']),
  /** Of the file, for people. */
  fileName: z.string(),
  bytes: z.number().int(),
  sha256: z.string(),
  /** Of the picture in the history, or of the card in the library, where it is one. */
  pictureId: z.string().optional(),
  cardId: z.string().optional(),
  url: z.string(),
});

const kind = z.enum(jobKindNames as [JobKind, ...JobKind[]]);

export const job = z.object({
  id: jobId,
  kind,
  title: z.string(),
  state: z.enum(jobStates),
  priority: z.number(),
  position: z.number().int().optional(),
  attempt: z.number().int(),
  createdAt: time,
  startedAt: time.optional(),
  endedAt: time.optional(),
  progress: jobProgress.optional(),
  error: jobError.optional(),
  asked: z.enum(['cancel', 'pause']).optional(),
  artefacts: z.array(artefact),
  after: z.array(z.string()),
});

/** With what it was given and what came out. */
export const wholeJob = job.extend({ payload: z.unknown(), result: z.unknown().optional() });

export const jobPage = z.object({ total: z.number().int(), jobs: z.array(job) });

export const jobQuery = z.strictObject({
  /** Several with commas. */
  state: z.string().max(100).optional(),
  kind: z.string().max(200).optional(),
  /** Looks, too. */
  all: flag.optional(),
  ...pageQuery,
});

export const newJob = z.strictObject({
  kind,
  title: z.string().min(1).max(200).optional(),
  payload: z.unknown(),
  priority: z.number().int().min(0).max(1000).optional(),
  after: z.array(jobId).max(64).optional(),
  /** Said twice with the same id, a job is made once. */
  id: jobId.optional(),
});

export const jobMove = z.strictObject({
  to: z.union([
    z.enum(['first', 'last']),
    z.strictObject({ before: jobId }),
    z.strictObject({ after: jobId }),
    z.strictObject({ priority: z.number().int().min(0).max(1000) }),
  ]),
});

/** What a training run wrote down: rows of its journal. */
export const trainingRows = z.object({
  steps: z.array(
    z.object({
      step: z.number().int(),
      loss: z.number(),
      smoothed: z.number(),
      rate: z.number(),
      gradientNorm: z.number(),
      seconds: z.number(),
      memory: z.number(),
    }),
  ),
  validations: z.array(
    z.object({
      step: z.number().int(),
      validation: z.number(),
      low: z.number().optional(),
      high: z.number().optional(),
      best: z.boolean().optional(),
    }),
  ),
  previews: z.array(
    z.object({ name: z.string(), step: z.number().int(), prompt: z.string(), url: z.string() }),
  ),
  totalSteps: z.number().int(),
});

export const jobLogLine = z.object({
  at: time,
  level: z.enum(['note', 'warning', 'error']),
  text: z.string(),
});

/** Live previews of a running job. */
export const previewList = z.object({ previews: z.array(z.object({ name: z.string(), url: z.string() })) });

export type ApiJob = z.output<typeof job>;
export type ApiWholeJob = z.output<typeof wholeJob>;
export type ApiArtefact = z.output<typeof artefact>;
export type ApiJobProgress = z.output<typeof jobProgress>;
export type ApiTrainingRows = z.output<typeof trainingRows>;
export type ApiNewJob = z.input<typeof newJob>;
export type ApiJobMove = z.input<typeof jobMove>;
