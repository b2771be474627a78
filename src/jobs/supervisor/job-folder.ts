/** @file Where the files of a job are: `jobs/<id>/` has its work, what an attempt has staged, its log, its publication. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LoraError } from '../../errors.ts';
import type { DataFolder } from '../../workbench/index.ts';

export interface JobFolder {
  readonly path: string;
  readonly work: string;
  readonly log: string;
  /** What is being published; there only between an attempt's end and that of its publication. */
  readonly publication: string;
  /** Pictures that the history does not keep. */
  readonly files: string;
  staging(attempt: number): string;
}

export const stagingPattern = /^staging-\d+$/;

/** Removes what attempts have staged: all of it, or these folders. */
export async function removeStaging({ path }: JobFolder, names?: readonly string[]): Promise<void> {
  const all = names ?? (await readdir(path).catch(() => []));
  for (const name of all.filter(name => stagingPattern.test(name)))
    await rm(join(path, name), { recursive: true, force: true });
}

/** Whether an id is a plain name, which no folder and no log can misread. */
export const isJobId = (id: string): boolean => /^\w[\w-]{0,127}$/.test(id);

/** Throws JOB_BAD_ID for an id that is no plain name. */
export function jobFolderOf(data: Pick<DataFolder, 'jobs'>, jobId: string): JobFolder {
  if (!isJobId(jobId)) throw new LoraError('JOB_BAD_ID', `${jobId} is no id of a job`);
  const path = join(data.jobs, jobId);
  return {
    path,
    work: join(path, 'work'),
    log: join(path, 'log.jsonl'),
    publication: join(path, 'publication.json'),
    files: join(path, 'files'),
    staging: attempt => join(path, `staging-${attempt}`),
  };
}
