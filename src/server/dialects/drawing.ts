/** @file A picture job that a request waits for: the dialects of other programs answer with the pictures themselves. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { LoraError } from '../../errors.ts';
import { resolveInside } from '../../files/index.ts';
import { type GeneratePayload, type Job, newJob } from '../../jobs/index.ts';
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
  readonly pictures: readonly DrawnPicture[];
}

const isOver = ({ state }: Job): boolean => ['done', 'failed', 'cancelled'].includes(state);

/** Waits for the end of a job; a client that goes away cancels it. */
export async function waitForJob(
  { queue, supervisor }: StudioContext,
  id: string,
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

function errorOf({ state, error }: Job): LoraError {
  if (state === 'cancelled') return new LoraError('INTERRUPTED', 'interrupted', { exit: 'interrupted' });
  const { code = 'JOB_FAILED', message = 'the job failed', hint } = error ?? {};
  return new LoraError(code, message, { exit: 'badInput', ...(hint === undefined ? {} : { hint }) });
}

/** Draws and reads the pictures back. Throws what the job failed with. Pictures that are not to be kept are removed again. */
export async function drawAndWait(
  context: StudioContext,
  payload: GeneratePayload,
  options: { title: string; signal: AbortSignal; onJob?: (id: string) => void },
): Promise<Drawn> {
  const { queue, data } = context;
  const [id] = await queue.enqueue([newJob('generate', payload, { title: options.title })]);
  options.onJob?.(id);
  const job = await waitForJob(context, id, options.signal);
  if (job.state !== 'done') throw errorOf(job);
  const { pictures } = result.parse(job.result);
  const drawn: DrawnPicture[] = [];
  for (const picture of pictures) {
    const artefact = job.artefacts.find(({ name }) => name === picture.name);
    if (!artefact) throw new LoraError('PICTURE_MISSING', `${picture.file} is not among what the job made`);
    drawn.push({ ...picture, bytes: await readFile(await resolveInside(data.path, artefact.path)) });
  }
  if (!payload.keep) await forgetPictures(context, job);
  return { job, pictures: drawn };
}
