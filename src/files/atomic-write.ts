/** @file Writes that leave the old file or the new one, never half of one. */
import { constants } from 'node:fs';
import { access, mkdir, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LoraError } from '../errors.ts';
import { type DiskFile, disk } from './disk.ts';
import { isAlive } from './process-alive.ts';
import { systemCode, writeError } from './write-errors.ts';

export interface WriteOptions {
  /** Fail with WRITE_EXISTS where a file of that name is there already, instead of replacing it. */
  readonly keepExisting?: boolean;
  /** The file that is replaced gets this name, in the same folder, instead of what was there under it. */
  readonly previous?: string | undefined;
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // folders cannot be opened there; NTFS journals the rename
  const handle = await disk.open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

/** Gives a whole temporary file its name. A hard link, unlike a rename, never replaces a file. */
async function putInPlace(temporary: string, path: string, options: WriteOptions): Promise<void> {
  if (options.previous !== undefined) await setAside(path, options.previous);
  if (!options.keepExisting) return disk.rename(temporary, path);
  const exists = (cause?: unknown): LoraError =>
    new LoraError('WRITE_EXISTS', `${path} is there already`, { hint: 'Move it away.', cause });
  try {
    await disk.link(temporary, path);
  } catch (cause) {
    if (systemCode(cause) === 'EEXIST') throw exists(cause);
    // A file system without hard links (FAT, some network shares): look, then rename.
    if (await isThere(path)) throw exists(cause);
    return disk.rename(temporary, path);
  }
  await disk.unlink(temporary).catch(async cause => {
    await disk.rm(path, { force: true }).catch(() => undefined);
    throw cause;
  });
}

/** Renames what is there, if anything is. */
async function setAside(path: string, previous: string): Promise<void> {
  await disk.rename(path, previous).catch(cause => {
    if (systemCode(cause) !== 'ENOENT') throw cause;
  });
}

async function isThere(path: string): Promise<boolean> {
  return disk.stat(path).then(
    () => true,
    () => false,
  );
}

/** Temporary files of this process that are being written. */
const unfinished = new Set<string>();
let writes = 0;

const temporaryName = (path: string, mark: string): string => `.${basename(path)}.${mark}.tmp`;

/** Where a write really goes: a link stays a link, its file is replaced. */
async function linkedFile(path: string): Promise<string> {
  return disk.realpath(path).catch(() => path);
}

/** The rights of the file that is replaced. */
async function rightsOf(path: string): Promise<number | undefined> {
  return disk.stat(path).then(
    ({ mode }) => mode & 0o777,
    () => undefined,
  );
}

/**
 * Temp file in the same folder, filled by `fill` → fsync → rename → fsync of the folder. Leaves nothing on failure,
 * and clears away what killed processes left of earlier writes to `path`.
 */
export async function writeAtomically(
  path: string,
  fill: (file: DiskFile) => Promise<void>,
  options: WriteOptions = {},
): Promise<void> {
  const target = await linkedFile(path);
  const temporary = join(dirname(target), temporaryName(target, `${process.pid}-${writes++}`));
  unfinished.add(temporary);
  let isPlaced = false;
  try {
    await removeLeftovers(target).catch(() => undefined); // no such folder: opening says so
    const handle = await disk.open(temporary, 'w', await rightsOf(target));
    try {
      await fill(handle);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await putInPlace(temporary, target, options);
    isPlaced = true;
    await syncFolder(dirname(target));
  } catch (cause) {
    await disk.rm(temporary, { force: true }).catch(() => undefined);
    // Nothing was there under this name, and nobody is told that there is something now.
    if (isPlaced && options.keepExisting) await disk.rm(target, { force: true }).catch(() => undefined);
    throw writeError(path, cause);
  } finally {
    unfinished.delete(temporary);
  }
}

/** Writes all bytes, at `position` or after what was written last: the system may take them in several parts. */
export async function writeWhole(file: DiskFile, bytes: Uint8Array, position?: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const at = position === undefined ? null : position + done;
    const { bytesWritten } = await file.write(bytes, done, Math.min(bytes.length - done, 2 ** 30), at);
    if (bytesWritten === 0) throw Object.assign(new Error('nothing more is written'), { code: 'EIO' });
    done += bytesWritten;
  }
}

/** Writes a whole file atomically; see writeAtomically. */
export async function writeFileAtomic(
  path: string,
  bytes: Uint8Array | string,
  options: WriteOptions = {},
): Promise<void> {
  const whole = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  await writeAtomically(path, file => writeWhole(file, whole), options);
}

/** Whether the writer of a temporary file, `<process>-<count>` of its name, still writes it. */
function isBeingWritten(temporary: string, mark: string): boolean {
  const pid = Number.parseInt(mark, 10);
  return pid === process.pid ? unfinished.has(temporary) : isAlive(pid);
}

/** Deletes the temporary files that killed processes left of a write to `path`. */
export async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  const [before, after] = temporaryName(path, '\0').split('\0');
  for (const name of await disk.readdir(folder)) {
    if (!name.startsWith(before) || !name.endsWith(after)) continue;
    const mark = name.slice(before.length, -after.length);
    const temporary = join(folder, name);
    if (/^\d+(-\d+)?$/.test(mark) && !isBeingWritten(temporary, mark))
      await disk.rm(temporary, { force: true });
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
