/** @file New jobs into the queue. */
import { badInput } from '../../errors.ts';
import { checkNewJob, needsFailed, plainJson, unknownJob } from '../job-actions.ts';
import { kindPriorities } from '../kind-priorities.ts';
import type { Job, JobId, NewJob } from '../queue.ts';
import type { Desk } from './desk.ts';
import { change } from './desk.ts';
import { logEvent } from './event-log.ts';
import { end } from './job-rows.ts';
import { lastRank } from './places.ts';

const usualAttempts = 3;

export function enqueueJobs(desk: Desk, jobs: readonly NewJob[]): JobId[] {
  const payloads = jobs.map(job => {
    checkNewJob(job);
    if (!Object.hasOwn(kindPriorities, job.kind))
      throw badInput('JOB_INVALID', `job ${job.title} cannot be queued: there is no kind ${job.kind}`);
    return plainJson(`the payload of job ${job.title}`, job.payload);
  });
  if (jobs.length === 0) return [];
  return change(desk, () => jobs.map((job, i) => add(desk, job, payloads[i] as string)));
}

function isThere({ store }: Desk, id: JobId): boolean {
  return store.get(`SELECT 1 FROM jobs WHERE id = $id`, { id }) !== undefined;
}

function freeId(desk: Desk): JobId {
  for (;;) {
    const id = desk.newId();
    if (!isThere(desk, id)) return id;
  }
}

function add(desk: Desk, job: NewJob, payload: string): JobId {
  const { store } = desk;
  if (job.id !== undefined && isThere(desk, job.id)) return job.id;
  const id = job.id ?? freeId(desk);
  const { kind, title, maxAttempts = usualAttempts, priority = kindPriorities[kind] } = job;
  const after = [...new Set(job.after ?? [])];
  const needs = after.map(needed => neededJob(desk, needed));
  const open = needs.filter(({ state }) => state !== 'done');
  const precedence = 0 - priority;
  store.run(
    `INSERT INTO jobs (id, kind, title, state, precedence, rank, waiting, needed, maxAttempts, createdAt)
     VALUES ($id, $kind, $title, 'queued', $precedence, $rank, $waiting, $needed, $maxAttempts, $createdAt)`,
    {
      ...{ id, kind, title, precedence, maxAttempts },
      ...{ rank: lastRank(store, precedence), waiting: open.length },
      ...{ needed: JSON.stringify(after), createdAt: desk.now() },
    },
  );
  store.run(`INSERT INTO contents (job, payload) VALUES ($id, $payload)`, { id, payload });
  for (const { id: needed } of open)
    store.run(`INSERT INTO needs (job, needed) VALUES ($id, $needed)`, { id, needed });
  const failed = needs.find(({ state }) => state === 'failed' || state === 'cancelled');
  if (failed) end(desk, { id, title }, 'failed', needsFailed(failed));
  else logEvent(desk, 'changed', id);
  return id;
}

function neededJob({ store }: Desk, id: JobId): Pick<Job, 'id' | 'title' | 'state'> {
  const row = store.get(`SELECT id, title, state FROM jobs WHERE id = $id`, { id });
  if (!row) throw unknownJob(id);
  return row as never;
}
