/**
 * @file Events of `GET /api/v1/events` (server-sent). Each has an id; `Last-Event-ID` goes on after it while it is kept, else
 * the first event is `reset` and the page asks for everything again.
 */
import { z } from 'zod';
import { job, jobProgress } from './jobs.ts';
import { picture } from './pictures.ts';
import { status } from './system.ts';

export const events = {
  /** The stream begins, or what was missed is not kept any more. */
  reset: z.object({ reason: z.string() }),
  job: z.object({ job }),
  'job-removed': z.object({ id: z.string() }),
  progress: z.object({ id: z.string(), progress: jobProgress }),
  /** A small picture of how far a job is. */
  preview: z.object({ id: z.string(), name: z.string(), url: z.string() }),
  picture: z.object({ picture }),
  /** Cards have changed; which ones is asked for again. */
  library: z.object({ done: z.number(), total: z.number(), isRunning: z.boolean() }),
  dataset: z.object({ id: z.string() }),
  status: z.object({ status }),
} as const;

export type EventName = keyof typeof events;
export type EventData<N extends EventName> = z.output<(typeof events)[N]>;
