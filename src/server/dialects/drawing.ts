/** @file Picture jobs that a request waits for: the dialects of other programs answer with the pictures themselves. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { LoraError } from '../../errors.ts';
import { resolveInside } from '../../files/index.ts';
import { type GeneratePayload, type Job, type JobId, newJob } from '../../jobs/index.ts';
import type { StudioContext } from '../context.ts';
import { forgetPictures } from './needs.ts';

/** What the runner says of each picture. */
const pictureResult = z.object({
  /** Of the artefact. */
  name: z.string(),
  file: z.string(),
  seed: z.union([z.string(), z.number()]),
  width: z.number(),
  height: z.number(),
  parameters: z.string(),
  settings: z.record(z.string(), z.unknown()),
  findings: z.array(z.string()).default([]),
});
const result = z.object({ pictures: z.array(pictureResult) });

export interface DrawnPicture extends z.output<typeof pictureResult> {
  readonly bytes: Buffer;
}

export interface Drawn {
  readonly job: Job;
  readonly payload: GeneratePayload;
  readonly pictures: readonly DrawnPicture[];
}

export interface DrawOptions {
  readonly title: string;
  /** Aborts when the client goes away; that cancels the jobs. */
  readonly signal: AbortSignal;
  readonly onJobs?: ((ids: readonly JobId[]) => void) | undefined;
  /** What is there of a job that was cancelled, for clients that expect it; without it, that is an error. */
  readonly unfinished?:
    | ((payload: GeneratePayload, job: Job) => Promise<readonly DrawnPicture[]>)
    | undefined;
}

const isOver = ({ state }: Job): boolean => ['done', 'failed', 'cancelled'].includes(state);

/** Waits for the end of a job; a client that goes away cancels it. */
async function waitForJob(
  { queue, supervisor }: StudioContext,
  id: JobId,
  signal: AbortSignal,
): Promise<Job> {
  const over = new AbortController();
  const gone = (): void => {
    void supervisor.cancel(id).catch(() => undefined);
    over.abort();
  };
  if (signal.aborted) gone();
  signal.addEventListener('abort', gone, { once: true });
  try {
    const events = queue.watch({ ids: [id] }, over.signal);
    const iterator = events[Symbol.asyncIterator]();
    let next = iterator.next();
    for (;;) {
      const job = await queue.get(id);
      if (!job) throw new LoraError('JOB_UNKNOWN', 'the job was removed while it was waited for');
      if (isOver(job)) return job;
      const event = await next;
      if (event.done) throw new LoraError('INTERRUPTED', 'the client went away', { exit: 'interrupted' });
      next = iterator.next();
    }
  } finally {
    over.abort();
    signal.removeEventListener('abort', gone);
  }
}

/** Codes of the queue itself are no fault of the request. */
const isOurFault = (code: string): boolean => /^(JOB|CHILD)_/.test(code);

function errorOf({ state, error }: Job): LoraError {
  if (state === 'cancelled')
    return new LoraError('INTERRUPTED', 'the picture was cancelled', { exit: 'interrupted' });
  const { code = 'JOB_FAILED', message = 'the job failed', hint } = error ?? {};
  const exit = isOurFault(code) ? 'failure' : 'badInput';
  return new LoraError(code, message, { exit, ...(hint === undefined ? {} : { hint }) });
}

async function readPictures({ data }: StudioContext, job: Job): Promise<DrawnPicture[]> {
  const drawn: DrawnPicture[] = [];
  for (const picture of result.parse(job.result).pictures) {
    const artefact = job.artefacts.find(({ name }) => name === picture.name);
    if (!artefact) throw new LoraError('PICTURE_MISSING', `${picture.file} is not among what the job made`);
    drawn.push({ ...picture, bytes: await readFile(await resolveInside(data.path, artefact.path)) });
  }
  return drawn;
}

/**
 * Draws, a job a payload, and reads the pictures back. Throws what a job failed with, and the others are cancelled.
 * Pictures that are not to be kept are removed again. With `unfinished`, a cancelled job is the last one told.
 */
export async function drawAll(
  context: StudioContext,
  payloads: readonly GeneratePayload[],
  { title, signal, onJobs, unfinished }: DrawOptions,
): Promise<Drawn[]> {
  const { queue, supervisor } = context;
  const ids = await queue.enqueue(payloads.map(payload => newJob('generate', payload, { title })));
  onJobs?.(ids);
  const drawn: Drawn[] = [];
  try {
    for (const [i, id] of ids.entries()) {
      const payload = payloads[i];
      const job = await waitForJob(context, id, signal);
      if (job.state === 'cancelled' && unfinished) {
        drawn.push({ job, payload, pictures: await unfinished(payload, job) });
        break;
      }
      if (job.state !== 'done') throw errorOf(job);
      drawn.push({ job, payload, pictures: await readPictures(context, job) });
      if (!payload.keep) await forgetPictures(context, job);
    }
    return drawn;
  } finally {
    // Those that nobody waits for any more; ended ones stay as they are.
    for (const id of ids.slice(drawn.length)) await supervisor.cancel(id).catch(() => undefined);
  }
}

/** One job. */
export async function drawAndWait(
  context: StudioContext,
  payload: GeneratePayload,
  options: DrawOptions,
): Promise<Drawn> {
  const [drawn] = await drawAll(context, [payload], options);
  return drawn;
}
