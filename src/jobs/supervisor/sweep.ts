/** @file Removes what nobody needs any more: jobs that ended long ago, with their folders, staged leftovers, old uploads, looks. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LoraError } from '../../errors.ts';
import { jobKindNames, jobKinds } from '../kinds.ts';
import type { Job, JobId, JobState } from '../queue.ts';
import { isJobId, jobFolderOf, removeStaging } from './job-folder.ts';
import { readPublication } from './publication/journal.ts';
import type { SupervisorSettings } from './settings.ts';

export interface SweepOptions {
  readonly now?: number | undefined;
  /** Days that an ended job stays, with its folder; 14 unless said. */
  readonly keepDays?: number | undefined;
}

export interface Swept {
  /** Of jobs that ended long ago, which the queue forgets then, and of those that nobody knows. */
  readonly jobFolders: number;
  readonly uploads: number;
  readonly looks: number;
}

const hour = 3_600_000;
const day = 24 * hour;
const endedStates: readonly JobState[] = ['done', 'failed', 'cancelled'];
const listed = jobKindNames.filter(kind => jobKinds[kind].isListed);
const looking = jobKindNames.filter(kind => !jobKinds[kind].isListed);
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

/** Jobs that ended before `before`, with their folders. What they published stays. */
async function sweepEnded(
  { queue, data }: SupervisorSettings,
  isRunning: (id: JobId) => boolean,
  kinds: typeof jobKindNames,
  before: number,
): Promise<number> {
  const old: JobId[] = [];
  for await (const { id, endedAt } of jobsIn({ queue }, { states: endedStates, kinds }))
    if ((endedAt ?? Number.POSITIVE_INFINITY) < before && !isRunning(id)) old.push(id);
  let removed = 0;
  for (const id of old) {
    try {
      await queue.remove(id);
    } catch (error) {
      if (error instanceof LoraError && error.code.startsWith('JOB_')) continue; // tried again, or removed meanwhile
      throw error;
    }
    removed++;
    if (isJobId(id)) await rm(jobFolderOf(data, id).path, { recursive: true, force: true });
  }
  return removed;
}

/** Folders of jobs that nobody knows; of others, what dead attempts staged. */
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
    if (!job && modifiedAt < before) {
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

export async function sweepJobs(
  settings: SupervisorSettings,
  isRunning: (id: JobId) => boolean,
  { now = settings.now(), keepDays = 14 }: SweepOptions = {},
): Promise<Swept> {
  const before = now - keepDays * day;
  // Looks are answers to a page, and are forgotten after an hour.
  const looks = await sweepEnded(settings, isRunning, looking, now - hour);
  const ended = await sweepEnded(settings, isRunning, listed, before);
  return {
    looks,
    jobFolders: ended + (await sweepFolders(settings, isRunning, before)),
    uploads: await sweepUploads(settings, now - day),
  };
}
