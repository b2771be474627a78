/** @file Finished files of a job's own folder, put where they are published from. */
import { copyFile, link, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobPlaces, StagedFile } from '../runner.ts';

/**
 * Puts a whole file into the attempt's folder under its name. It stays in the job's own folder too, for an attempt that
 * comes after this one died; a second name of the same file takes no space.
 */
export async function stageFile(
  places: Pick<JobPlaces, 'staging'>,
  path: string,
  { name, type, fileName }: Omit<StagedFile, 'path'>,
): Promise<StagedFile> {
  const staged = join(places.staging, fileName);
  await rm(staged, { force: true });
  await link(path, staged).catch(() => copyFile(path, staged)); // not every disk has second names
  return { name, type, fileName, path: staged };
}
