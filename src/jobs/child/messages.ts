/** @file What supervisor and child say to each other. Both sides check what they hear. */
import { z } from 'zod';

const text = z.string().max(100_000);
/** `<job>#<attempt>`: a child may hold several attempts, of which all but one wait. */
const run = z.string().min(1).max(200);

const places = z.strictObject({ data: text, work: text, staging: text, cache: text });

export const stopReasons = ['cancel', 'pause', 'stop', 'lost'] as const;
export type StopReason = (typeof stopReasons)[number];

export const orderMessage = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('run'),
    run,
    jobId: z.string().min(1),
    attempt: z.number().int().min(1),
    kind: z.string(),
    payload: z.unknown().optional(),
    places,
  }),
  z.strictObject({ type: z.literal('abort'), run, why: z.enum(stopReasons) }),
  /** Others go first: wait before the next step. */
  z.strictObject({ type: z.literal('wait'), run }),
  z.strictObject({ type: z.literal('go'), run }),
  /** Release what is held and end. */
  z.strictObject({ type: z.literal('close') }),
]);
export type OrderMessage = z.output<typeof orderMessage>;

export const progressSchema = z.strictObject({
  share: z.number().min(0).max(1),
  text: z.string().max(2000),
  secondsLeft: z.number().min(0).optional(),
  detail: z.unknown().optional(),
});

/** A name that is a file name everywhere, and hidden nowhere. */
export const plainFileName = z
  .string()
  .min(1)
  .max(200)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  .regex(/^(?![. ])[^\u0000-\u001f\\/:*?"<>|]*[^. \u0000-\u001f\\/:*?"<>|]$/u, 'a plain file name');

/** A file that is whole on disk, with what was read of it. */
export const finishedFile = z.strictObject({
  name: z.string().min(1).max(200),
  type: z.enum(['picture', 'lora', 'checkpoint', 'sheet', 'file']),
  path: text,
  fileName: plainFileName,
  bytes: z.number().int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type FinishedFile = z.output<typeof finishedFile>;

const maxPreviewBytes = 4 * 2 ** 20;

export const reportMessage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready') }),
  z.strictObject({ type: z.literal('progress'), run, progress: progressSchema }),
  z.strictObject({
    type: z.literal('preview'),
    run,
    name: z.string().regex(/^[\w.-]{1,80}$/),
    bytes: z.custom<Uint8Array>(
      bytes => bytes instanceof Uint8Array && bytes.length <= maxPreviewBytes,
      'a small picture',
    ),
  }),
  z.strictObject({ type: z.literal('note'), run, text }),
  z.strictObject({ type: z.literal('waiting'), run, isWaiting: z.boolean() }),
  z.strictObject({
    type: z.literal('done'),
    run,
    files: z.array(finishedFile).max(10_000),
    result: z.unknown().optional(),
  }),
  z.strictObject({ type: z.literal('aborted'), run }),
  z.strictObject({
    type: z.literal('failed'),
    run,
    error: z.strictObject({ code: z.string(), message: text, hint: text.optional() }),
    /** An answer, which trying again would not change. */
    isAnswer: z.boolean(),
  }),
]);
export type ReportMessage = z.output<typeof reportMessage>;
