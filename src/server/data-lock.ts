/** @file One studio a data folder: a lock that the system itself frees when its holder dies, in containers too. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LoraError } from '../errors.ts';
import type { DataFolder } from '../workbench/index.ts';

const isBusy = (error: unknown): boolean => /locked|busy/i.test(error instanceof Error ? error.message : '');

/**
 * Locks a data folder until the returned function is called, or the process dies. Process numbers would not do: they mean
 * something else in another container, and something else after a restart. Throws STUDIO_RUNNING, DATA_READ_ONLY.
 */
export function lockData({ path }: Pick<DataFolder, 'path'>): () => void {
  const file = join(path, 'studio-lock.sqlite');
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    database.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
  } catch (cause) {
    database?.close();
    if (isBusy(cause)) {
      const hint = 'Use that one, stop it, or name another folder with --data.';
      throw new LoraError('STUDIO_RUNNING', `a studio is already running on ${path}`, { hint, cause });
    }
    const hint = 'Give yourself the right to write there, or name another folder with --data.';
    throw new LoraError('DATA_READ_ONLY', `${file} cannot be locked`, { hint, cause });
  }
  return () => database.close();
}
