/** @file Writes that leave the old file or the new one, never half of one; and locks on outputs. */
import { constants } from 'node:fs';
import { access, mkdir, open, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LoraError } from '../errors.ts';

const reasons: Readonly<Record<string, { code: string; why: string; hint: string }>> = {
  ENOSPC: {
    code: 'WRITE_NO_SPACE',
    why: 'there is no space left',
    hint: 'Free some space, or write to another disk.',
  },
  EDQUOT: {
    code: 'WRITE_NO_SPACE',
    why: 'the quota is used up',
    hint: 'Free some space, or write to another disk.',
  },
  EACCES: {
    code: 'WRITE_DENIED',
    why: 'permission is denied',
    hint: 'Choose a folder that you may write to.',
  },
  EPERM: {
    code: 'WRITE_DENIED',
    why: 'permission is denied',
    hint: 'Choose a folder that you may write to.',
  },
  EROFS: {
    code: 'WRITE_DENIED',
    why: 'the disk is read-only',
    hint: 'Choose a folder that you may write to.',
  },
  ENOENT: { code: 'WRITE_NO_FOLDER', why: 'its folder does not exist', hint: 'Make the folder first.' },
  ENOTDIR: { code: 'WRITE_NO_FOLDER', why: 'a part of the path is a file', hint: 'Choose another path.' },
  EEXIST: { code: 'WRITE_NO_FOLDER', why: 'a part of the path is a file', hint: 'Choose another path.' },
  EISDIR: { code: 'WRITE_IS_FOLDER', why: 'it is a folder', hint: 'Give a file name.' },
};

function writeError(path: string, cause: unknown): LoraError {
  const reason = reasons[(cause as NodeJS.ErrnoException).code ?? ''];
  const why = reason?.why ?? (cause as Error).message;
  const options = { cause, ...(reason ? { hint: reason.hint } : {}) };
  return new LoraError(reason?.code ?? 'WRITE_FAILED', `${path} cannot be written: ${why}`, options);
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // folders cannot be opened there; NTFS journals the rename
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

/** Temp file in the same folder → fsync → rename → fsync of the folder. Nothing is left behind on failure. */
export async function writeFileAtomic(path: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(path, cause);
  }
}

/** Makes the folder where needed and proves that a file can be made in it. */
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

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Takes the lock `<path>.lock`; throws OUTPUT_BUSY while another living process holds it. The lock of a dead
 * process is taken over. Returns the function that gives it back.
 */
export async function lockFile(path: string): Promise<() => Promise<void>> {
  const lock = `${path}.lock`;
  for (let attempt = 0; ; attempt++) {
    try {
      const handle = await open(lock, 'wx');
      await handle.writeFile(String(process.pid));
      await handle.close();
      return () => rm(lock, { force: true });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(lock, cause);
      const holder = Number.parseInt(await readFile(lock, 'utf8').catch(() => ''), 10);
      if ((Number.isInteger(holder) && isAlive(holder)) || attempt > 3) {
        const hint = `Wait for it, or give another output. If no such process runs, delete ${lock}.`;
        throw new LoraError('OUTPUT_BUSY', `${path} is being written by process ${holder}`, { hint, cause });
      }
      await unlink(lock).catch(() => undefined);
    }
  }
}
