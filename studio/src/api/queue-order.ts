/** @file Places in the queue: an event tells the place of one job, and those of the others follow from it. */
import type { ApiJob } from '../../../src/server/api-types.ts';

/** The jobs with one that has changed; queued ones are counted anew from 1. */
export function withJob(jobs: ReadonlyMap<string, ApiJob>, job: ApiJob): Map<string, ApiJob> {
  const next = new Map(jobs).set(job.id, job);
  const before = jobs.get(job.id);
  if (job.state !== 'queued' && before?.state !== 'queued') return next;
  return numbered(next, job.state === 'queued' ? job : undefined);
}

export function withoutJob(jobs: ReadonlyMap<string, ApiJob>, id: string): Map<string, ApiJob> {
  const next = new Map(jobs);
  next.delete(id);
  return jobs.get(id)?.state === 'queued' ? numbered(next, undefined) : next;
}

function numbered(jobs: Map<string, ApiJob>, placed: ApiJob | undefined): Map<string, ApiJob> {
  const others = [...jobs.values()]
    .filter(({ state, id }) => state === 'queued' && id !== placed?.id)
    .sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
  if (placed) others.splice(Math.max(0, (placed.position ?? others.length + 1) - 1), 0, placed);
  for (const [i, job] of others.entries())
    if (job.position !== i + 1) jobs.set(job.id, { ...job, position: i + 1 });
  return jobs;
}
