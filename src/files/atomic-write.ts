/** @file Writes that leave the old file or the new one, never half of one. */
import { constants } from 'node:fs';
import {
  access,
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  statfs,
  unlink,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LoraError } from '../errors.ts';
import { isAlive } from './process-alive.ts';
import { systemCode, writeError } from './write-errors.ts';

export interface WriteOptions {
  /** Fail with WRITE_EXISTS where a file of that name is there already, instead of replacing it. */
  readonly keepExisting?: boolean;
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // folders cannot be opened there; NTFS journals the rename
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

/** Gives a whole temporary file its name. A hard link, unlike a rename, never replaces a file. */
async function putInPlace(temporary: string, path: string, options: WriteOptions): Promise<void> {
  if (!options.keepExisting) return rename(temporary, path);
  const exists = (cause?: unknown): LoraError =>
    new LoraError('WRITE_EXISTS', `${path} is there already`, { hint: 'Move it away.', cause });
  try {
    await link(temporary, path);
  } catch (cause) {
    if (systemCode(cause) === 'EEXIST') throw exists(cause);
    // A file system without hard links (FAT, some network shares): look, then rename.
    if (await isThere(path)) throw exists(cause);
    return rename(temporary, path);
  }
  await unlink(temporary);
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

const temporaryName = (path: string, pid: number | string): string => `.${basename(path)}.${pid}.tmp`;

/** Temp file in the same folder, filled by `fill` → fsync → rename → fsync of the folder. Leaves nothing on failure. */
export async function writeAtomically(
  path: string,
  fill: (file: FileHandle) => Promise<void>,
  options: WriteOptions = {},
): Promise<void> {
  const temporary = join(dirname(path), temporaryName(path, process.pid));
  try {
    const handle = await open(temporary, 'w');
    try {
      await fill(handle);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await putInPlace(temporary, path, options);
    await syncFolder(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(path, cause);
  }
}

/** Writes a whole file atomically; see writeAtomically. */
export async function writeFileAtomic(
  path: string,
  bytes: Uint8Array | string,
  options: WriteOptions = {},
): Promise<void> {
  await writeAtomically(path, file => file.writeFile(bytes), options);
}

/** Deletes the temporary files that killed processes left of a write to `path`. */
export async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  const [before, after] = temporaryName(path, '\0').split('\0');
  for (const name of await readdir(folder)) {
    if (!name.startsWith(before) || !name.endsWith(after)) continue;
    const pid = name.slice(before.length, -after.length);
    if (/^\d+$/.test(pid) && !isAlive(Number(pid))) await rm(join(folder, name), { force: true });
  }
}

/** Makes the folder where needed and checks that files can be made in it. */
export async function ensureWritableFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    if (!(await stat(folder)).isDirectory())
      throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' });
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw writeError(folder, cause);
  }
}

/** Throws WRITE_NO_SPACE when the disk of `folder` has less than `bytes` free, before any work is done for them. */
export async function ensureFreeSpace(folder: string, bytes: number): Promise<void> {
  const facts = await statfs(folder).catch(() => undefined);
  if (!facts || facts.blocks === 0) return; // not every file system counts
  const free = facts.bavail * facts.bsize;
  if (free >= bytes) return;
  const [needed, left] = [bytes, free].map(n => `${(n / 1e6).toFixed(1)} MB`);
  const hint = 'Free some space, or write to another disk.';
  throw new LoraError('WRITE_NO_SPACE', `${folder}: ${needed} are needed, ${left} are free`, { hint });
}
