/** @file Writes planned captions, and takes the last edit back byte by byte; a crash in between harms neither. */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { badInput, LoraError } from '../../errors.ts';
import { lockFile, writeFileAtomic } from '../../files/index.ts';
import { systemCode } from '../findings.ts';
import { historyFolder, keepEdit, listEdits, markUndone, readEdit } from './history.ts';
import type { CaptionPlan } from './plan.ts';

async function bytesOf(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw badInput('CAPTION_UNREADABLE', `caption ${path} cannot be read`, 'Check its permissions.', error);
  }
}

const isSame = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;

/** Runs alone among edits of this folder. */
async function alone<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  await mkdir(historyFolder(folder), { recursive: true });
  const release = await lockFile(join(historyFolder(folder), 'captions'));
  try {
    return await work();
  } finally {
    await release();
  }
}

const encoded = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/**
 * Writes the captions of a plan; `what` is kept with them, in words. Throws CAPTION_CHANGED, and writes nothing, when a
 * file is no longer as it was planned for. Returns the number of the edit.
 */
export async function applyCaptionEdits(plan: CaptionPlan, what: string, at: Date): Promise<number> {
  const { folder, changes } = plan;
  return alone(folder, async () => {
    for (const { path, before } of changes) {
      if (isSame(await bytesOf(join(folder, path)), before)) continue;
      throw new LoraError('CAPTION_CHANGED', `${path} was changed in between`, { hint: 'Start again.' });
    }
    const files = changes.map(({ path, before, after }) => ({
      ...{ path, before: before ? encoded(before) : null, after: encoded(after) },
    }));
    const { number } = await keepEdit(folder, { what, at: at.toISOString(), files });
    try {
      for (const { path, after, before } of changes)
        await writeFileAtomic(join(folder, path), after, { keepExisting: before === undefined });
    } catch (error) {
      if (!(error instanceof LoraError)) throw error;
      const hint = `${error.hint ?? ''} --undo takes back what was written.`.trim();
      throw new LoraError(error.code, error.message, { hint, exit: error.exit, cause: error });
    }
    return number;
  });
}

export interface UndoneEdit {
  readonly number: number;
  readonly what: string;
  /** Files with their old bytes again. */
  readonly restored: readonly string[];
  /** Files that the edit had made, and that are gone. */
  readonly removed: readonly string[];
  /** Files that the edit had not reached. */
  readonly untouched: readonly string[];
  /** Files that were changed since: they are left as they are. */
  readonly kept: readonly string[];
}

/** Takes the last edit back that was not yet. Throws CAPTION_NOTHING_TO_UNDO. */
export async function undoCaptionEdit(folder: string): Promise<UndoneEdit> {
  if ((await listEdits(folder)).every(({ isUndone }) => isUndone))
    throw badInput('CAPTION_NOTHING_TO_UNDO', `${folder}: there is no edit of captions to undo`);
  return alone(folder, async () => {
    const entry = (await listEdits(folder)).findLast(({ isUndone }) => !isUndone);
    if (!entry) throw badInput('CAPTION_NOTHING_TO_UNDO', `${folder}: there is nothing left to undo`);
    const edit = await readEdit(entry);
    const undone = { restored: [], removed: [], untouched: [], kept: [] } as Record<string, string[]>;
    for (const file of edit.files) {
      const path = join(folder, file.path);
      const now = await bytesOf(path);
      const before = file.before === null ? undefined : Buffer.from(file.before, 'base64');
      if (isSame(now, before)) undone.untouched.push(file.path);
      else if (!isSame(now, Buffer.from(file.after, 'base64'))) undone.kept.push(file.path);
      else if (before === undefined) {
        await rm(path);
        undone.removed.push(file.path);
      } else {
        await writeFileAtomic(path, before);
        undone.restored.push(file.path);
      }
    }
    await markUndone(folder, entry);
    const { restored, removed, untouched, kept } = undone;
    return { number: entry.number, what: edit.what, restored, removed, untouched, kept };
  });
}
