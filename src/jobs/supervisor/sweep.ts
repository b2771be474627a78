/** @file Removes what nobody needs any more: folders of jobs that ended long ago, staged leftovers, old uploads, looks. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { jobKindNames, jobKinds } from '../kinds.ts';
import type { Job, JobId, JobState } from '../queue.ts';
import { isJobId, jobFolderOf, removeStaging } from './job-folder.ts';
import { readPublication } from './publication/journal.ts';
import type { SupervisorSettings } from './settings.ts';

export interface SweepOptions {
  readonly now?: number | undefined;
  /** Days that the folder of an ended job stays; 14 unless said. */
  readonly keepDays?: number | undefined;
}

export interface Swept {
  readonly jobFolders: number;
  readonly uploads: number;
  readonly looks: number;
}

const hour = 3_600_000;
const day = 24 * hour;
const endedStates: readonly JobState[] = ['done', 'failed', 'cancelled'];
const page = 500;

async function* jobsIn(
  { queue }: Pick<SupervisorSettings, 'queue'>,
  filter: { readonly states: readonly JobState[]; readonly kinds?: typeof jobKindNames },
): AsyncGenerator<Job> {
  for (let offset = 0; ; offset += page) {
    const { jobs } = await queue.list({ ...filter, limit: page, offset });
    yield* jobs;
    if (jobs.length < page) return;
  }
}

const changedAt = async (path: string): Promise<number> =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => Number.POSITIVE_INFINITY,
  );

/** Folders of jobs that ended before `before`, or that nobody knows; of others, what dead attempts staged. */
async function sweepFolders(
  { queue, data }: SupervisorSettings,
  isRunning: (id: JobId) => boolean,
  before: number,
): Promise<number> {
  let removed = 0;
  for (const entry of await readdir(data.jobs, { withFileTypes: true })) {
    if (!entry.isDirectory() || !isJobId(entry.name)) continue;
    const folder = jobFolderOf(data, entry.name);
    const modifiedAt = await changedAt(folder.path);
    const names = await readdir(folder.path);
    const isPublishing = (await readPublication(folder.publication)) !== undefined;
    const job = await queue.get(entry.name);
    if (isRunning(entry.name) || job?.state === 'running') continue;
    // What was there before this look belongs to no attempt that begins now.
    const endedAt = job ? (job.endedAt ?? Number.POSITIVE_INFINITY) : modifiedAt;
    if ((!job || endedStates.includes(job.state)) && endedAt < before) {
      await rm(folder.path, { recursive: true, force: true });
      removed++;
    } else if (!isPublishing) await removeStaging(folder, names);
  }
  return removed;
}

/** Ids of uploads in payloads of jobs that may still read them. */
async function usedUploads(settings: SupervisorSettings, since: number): Promise<Set<string>> {
  const used = new Set<string>();
  const add = ({ payload }: Job): void => {
    for (const [id] of (JSON.stringify(payload) ?? '').matchAll(/\b[0-9a-f]{32}\b/g)) used.add(id);
  };
  for await (const job of jobsIn(settings, { states: ['queued', 'running', 'paused'] })) add(job);
  for await (const job of jobsIn(settings, { states: ['failed', 'cancelled'] }))
    if ((job.endedAt ?? 0) >= since) add(job); // may be tried again
  return used;
}

async function sweepUploads(settings: SupervisorSettings, before: number): Promise<number> {
  const { uploads } = settings.data;
  const names = await readdir(uploads).catch(() => []);
  const old: string[] = [];
  for (const name of names) if ((await changedAt(join(uploads, name))) < before) old.push(name);
  if (old.length === 0) return 0;
  const used = await usedUploads(settings, before);
  const unused = old.filter(name => !used.has(name.slice(0, 32)));
  for (const name of unused) await rm(join(uploads, name), { force: true });
  return unused.length;
}

/** Looks are answers to a page, and are forgotten after an hour. */
async function sweepLooks(settings: SupervisorSettings, before: number): Promise<number> {
  const kinds = jobKindNames.filter(kind => !jobKinds[kind].isListed);
  const old: JobId[] = [];
  for await (const { id, endedAt } of jobsIn(settings, { states: endedStates, kinds }))
    if ((endedAt ?? Number.POSITIVE_INFINITY) < before) old.push(id);
  for (const id of old) {
    await settings.queue.remove(id);
    await rm(jobFolderOf(settings.data, id).path, { recursive: true, force: true });
  }
  return old.length;
}

export async function sweepJobs(
  settings: SupervisorSettings,
  isRunning: (id: JobId) => boolean,
  { now = settings.now(), keepDays = 14 }: SweepOptions = {},
): Promise<Swept> {
  return {
    looks: await sweepLooks(settings, now - hour),
    jobFolders: await sweepFolders(settings, isRunning, now - keepDays * day),
    uploads: await sweepUploads(settings, now - day),
  };
}
