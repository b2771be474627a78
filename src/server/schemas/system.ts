/** @file The studio itself: status, settings, what can be chosen. */
import { z } from 'zod';
import { time } from './common.ts';

export const session = z.object({
  version: z.string(),
  /** Whether folders of this machine can be added from the page: only where the studio listens on this machine alone. */
  isLocal: z.boolean(),
  /** Whether it is the first visit: nothing was trained or drawn yet. */
  isNew: z.boolean(),
});

export const signIn = z.strictObject({ token: z.string().min(1).max(200) });

export const status = z.object({
  version: z.string(),
  startedAt: time,
  device: z.string(),
  cores: z.number().int(),
  memory: z.object({ total: z.number(), available: z.number() }),
  disk: z.object({ free: z.number(), total: z.number(), isLow: z.boolean() }),
  queue: z.object({ running: z.number(), queued: z.number(), paused: z.number(), isPaused: z.boolean() }),
  scan: z.object({
    ...{ isRunning: z.boolean(), done: z.number(), total: z.number() },
    /** Absent until the first look through the library ended. */
    last: z
      .object({
        ...{ at: time, seen: z.number().int() },
        /** What was left out, as far as it is listed here, and why; whole paths only for the owner on this machine. */
        skipped: z.array(z.object({ path: z.string(), reason: z.string() })),
        skippedCount: z.number().int(),
        error: z.string().optional(),
      })
      .optional(),
  }),
  /** What somebody should know: code and sentence. */
  findings: z.array(z.object({ level: z.enum(['warning', 'note']), code: z.string(), text: z.string() })),
});

export const settings = z.object({
  /** Days that pictures stay in the history (0: for ever); favourites always stay. */
  pictureDays: z.number().int().min(0).max(36_500),
  /** Days that ended jobs stay in the list, with their folders; what they made stays. */
  jobDays: z.number().int().min(1).max(3650),
  /** Megabytes of logs. */
  logMegabytes: z.number().int().min(1).max(10_000),
  /** Below so many free megabytes no job begins. */
  reserveMegabytes: z.number().int().min(100).max(1_000_000),
  device: z.string(),
  /** The base that pages begin with. */
  base: z.string(),
  format: z.enum(['png', 'jpeg', 'webp']),
  previewEvery: z.number().int().min(0).max(100),
  /** Say in pictures that they are generated (IPTC). */
  mark: z.boolean(),
});
export const settingsEdit = settings.partial().strict();

const choice = z.object({ value: z.string(), label: z.string(), text: z.string().optional() });

export const generationOptions = z.object({
  samplers: z.array(choice),
  schedulers: z.array(choice),
  presets: z.array(choice),
  upscalers: z.array(choice),
  resizeModes: z.array(choice),
  maskedContents: z.array(choice),
  emphasisRules: z.array(choice),
});

export const recipeField = z.object({
  field: z.string(),
  group: z.string(),
  text: z.string(),
  /** `number`, `integer`, `text`, `choice`, `switch`, `list`. */
  type: z.string(),
  choices: z.array(z.string()).optional(),
  fallback: z.unknown().optional(),
});
export const recipeOptions = z.object({ goals: z.array(choice), fields: z.array(recipeField) });

/** What `lora doctor` finds. */
export const doctor = z.object({
  checks: z.array(
    z.object({ name: z.string(), state: z.enum(['ok', 'warning', 'fault']), text: z.string() }),
  ),
});

export type ApiSession = z.output<typeof session>;
export type ApiStatus = z.output<typeof status>;
export type ApiSettings = z.output<typeof settings>;
export type ApiGenerationOptions = z.output<typeof generationOptions>;
export type ApiRecipeOptions = z.output<typeof recipeOptions>;
export type ApiDoctor = z.output<typeof doctor>;
