/** @file The files of a journal, opened for a new run or cut back to where a resumed one goes on. */
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AppendFile } from './append-queue.ts';
import { eventsUpTo, versionEvent } from './events/events.ts';
import { parseManifest, type RunManifest } from './manifest.ts';
import { eventFileName, isEventFile, parsePreviewName, runFiles } from './places.ts';
import { type Row, rowsUpTo, tableText } from './rows.ts';

export interface JournalFiles {
  readonly steps: AppendFile;
  readonly table: AppendFile;
  readonly events: AppendFile;
  readonly log: AppendFile;
}

async function openToAppend(path: string): Promise<AppendFile> {
  const handle = await open(path, 'a');
  return { path, handle, size: (await handle.stat()).size };
}

async function cutTo(file: AppendFile, size: number): Promise<void> {
  if (size < file.size) await file.handle.truncate(size);
  file.size = size;
}

async function append(file: AppendFile, bytes: Uint8Array): Promise<void> {
  await file.handle.appendFile(bytes);
  file.size += bytes.length;
}

/** Previews of steps that are done again. */
async function removePreviews(folder: string, step: number): Promise<void> {
  for (const file of await readdir(folder)) {
    const preview = parsePreviewName(file);
    if (preview && preview.step > step) await rm(join(folder, file), { force: true });
  }
}

/**
 * Cuts every file back to `step` and to its last whole piece; returns the rows that are left. The table is written anew
 * from them, so that the two always say the same. The log of what happened stays.
 */
export async function cutBack(
  folder: string,
  files: JournalFiles,
  step: number,
  startedAt: number,
): Promise<Row[]> {
  const { rows, length } = rowsUpTo(await readFile(files.steps.path), step);
  await cutTo(files.steps, length);
  await cutTo(files.table, 0);
  await append(files.table, Buffer.from(tableText(rows), 'utf8'));
  await cutTo(files.events, eventsUpTo(await readFile(files.events.path), step));
  if (files.events.size === 0) await append(files.events, versionEvent(startedAt));
  await cutTo(files.log, (await readFile(files.log.path)).lastIndexOf(10) + 1);
  await removePreviews(join(folder, runFiles.previews), step);
  return rows;
}

/** Makes the folder where needed and opens what is in it. */
export async function openFiles(folder: string, startedAt: number): Promise<JournalFiles> {
  await mkdir(join(folder, runFiles.previews), { recursive: true });
  const eventFile = (await readdir(folder)).filter(isEventFile).sort().at(-1) ?? eventFileName(startedAt);
  const opened: AppendFile[] = [];
  try {
    for (const name of [runFiles.steps, runFiles.table, eventFile, runFiles.log])
      opened.push(await openToAppend(join(folder, name)));
  } catch (error) {
    for (const { handle } of opened) await handle.close();
    throw error;
  }
  const [steps, table, events, log] = opened;
  return { steps, table, events, log };
}

export async function readManifest(folder: string): Promise<RunManifest | undefined> {
  const path = join(folder, runFiles.manifest);
  return existsSync(path) ? parseManifest(await readFile(path, 'utf8')) : undefined;
}

const dated = (startedAt: number): string =>
  new Date(1000 * startedAt).toISOString().slice(0, 19).replaceAll(':', '-');

/** An older run of the same name is kept under a name with its date; returns that name. */
export async function setAside(folder: string): Promise<string | undefined> {
  if (!existsSync(folder)) return undefined;
  const before = await readManifest(folder);
  const stem = `${folder.slice(0, -'.run'.length)}.${dated(before?.startedAt ?? 0)}`;
  let aside = `${stem}.run`;
  for (let i = 2; existsSync(aside); i++) aside = `${stem}-${i}.run`;
  await rename(folder, aside);
  return aside;
}
