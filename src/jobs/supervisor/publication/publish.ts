/** @file Publishes what an attempt has finished: each file once, whole, whenever this process dies. See docs/decisions/0010. */
import { mkdir, open, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { DataFolder } from '../../../workbench/index.ts';
import type { FinishedFile } from '../../child/messages.ts';
import type { Artefact, Job, Lease } from '../../queue.ts';
import { jobFolderOf, removeStaging } from '../job-folder.ts';
import {
  type Publication,
  type PublishedFile,
  readPublication,
  removePublication,
  writePublication,
} from './journal.ts';
import { isOurs, type Placed, place, takeAway } from './place.ts';
import { freeTarget, targetFolder } from './targets.ts';

const fromData = (data: DataFolder, path: string): string => relative(data.path, path).split(sep).join('/');

const placesOf = (data: DataFolder, { staged, target }: PublishedFile): Placed => ({
  staged: join(data.path, staged),
  target: join(data.path, target),
});

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

/** Decides names and writes them down; nothing is visible yet. */
export async function planPublication(
  data: DataFolder,
  lease: Lease,
  done: { readonly files: readonly FinishedFile[]; readonly result?: unknown },
  now: number,
): Promise<Publication> {
  const taken = new Set<string>();
  const files = done.files.map(({ path, ...file }): PublishedFile => {
    const target = freeTarget(targetFolder(data, lease, file.type, now), file.fileName, taken);
    taken.add(target);
    return { ...file, staged: fromData(data, path), target: fromData(data, target), way: 'link' };
  });
  const publication: Publication = {
    ...{ version: 1, jobId: lease.jobId, attempt: lease.attempt, files, result: done.result },
  };
  if (files.length > 0) await writePublication(jobFolderOf(data, lease.jobId).publication, publication);
  return publication;
}

/** Gives the files their names. To be called again after a death in its middle: what is in its place stays there. */
export async function placeFiles(data: DataFolder, publication: Publication): Promise<Artefact[]> {
  const { publication: journal } = jobFolderOf(data, publication.jobId);
  for (const file of publication.files) {
    await mkdir(dirname(join(data.path, file.target)), { recursive: true });
    for (;;) {
      const answer = await place(file, placesOf(data, file));
      if (answer === 'placed') break;
      if (answer === 'taken') {
        const taken = new Set(publication.files.map(({ target }) => join(data.path, target)));
        const folder = dirname(join(data.path, file.target));
        file.target = fromData(data, freeTarget(folder, file.fileName, taken));
      } else file.way = answer;
      await writePublication(journal, publication);
    }
  }
  const folders = new Set(publication.files.map(({ target }) => dirname(join(data.path, target))));
  for (const folder of folders) {
    await syncFolder(folder);
    await syncFolder(dirname(folder));
  }
  return publication.files.map(({ name, type, target, bytes, sha256 }) => ({
    ...{ name, type, path: target, bytes, sha256 },
  }));
}

/** Whether each file is still there, staged or in its place. */
export async function isWhole(data: DataFolder, publication: Publication): Promise<boolean> {
  for (const file of publication.files) {
    const places = placesOf(data, file);
    const staged = await stat(places.staged).catch(() => undefined);
    if (staged?.size !== file.bytes && !(await isOurs(file, places))) return false;
  }
  return true;
}

/** The queue knows the files now: what was staged, and the journal, go. */
export async function endPublication(data: DataFolder, publication: Publication): Promise<void> {
  const folder = jobFolderOf(data, publication.jobId);
  for (const file of publication.files) await rm(placesOf(data, file).staged, { force: true });
  await removeStaging(folder);
  await removePublication(folder.publication);
}

/** The queue will never know the files: they go. */
export async function undoPublication(data: DataFolder, publication: Publication): Promise<void> {
  for (const file of publication.files) {
    const places = placesOf(data, file);
    await takeAway(file, places);
    const folder = dirname(places.target);
    // Only one that the publication made for itself, and only if nothing else is in it.
    if (![data.loras, data.checkpoints].includes(folder)) await rmdir(folder).catch(() => undefined);
  }
  await endPublication(data, publication);
}

/**
 * After a death: a publication of a job that is done has only its traces left; of one that is over otherwise, it is taken
 * back; one of a job that will run again waits for its next attempt, which goes on with it.
 */
export async function settlePublication(
  data: DataFolder,
  jobId: string,
  job: Job | undefined,
): Promise<'none' | 'ended' | 'undone' | 'waits'> {
  const publication = await readPublication(jobFolderOf(data, jobId).publication);
  if (!publication) return 'none';
  // Nobody knows the job any more, e.g. because jobs.sqlite was deleted: its files are the user's.
  if (!job || job.state === 'done') {
    await endPublication(data, publication);
    return 'ended';
  }
  if (job.state !== 'failed' && job.state !== 'cancelled') return 'waits';
  await undoPublication(data, publication);
  return 'undone';
}
