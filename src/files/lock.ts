/** @file Locks on outputs: a file `<path>.lock` with the process id of its holder. */
import { readFileSync } from 'node:fs';
import { link, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { LoraError } from '../errors.ts';
import { isAlive } from './process-alive.ts';
import { systemCode, writeError } from './write-errors.ts';

/** Locks of this process: in a container a new process often has the id of the dead holder. */
const held = new Set<string>();

/** Makes the lock with its content in one step, so that nobody sees it empty; false when it is there already. */
async function claim(lock: string): Promise<boolean> {
  const temporary = `${lock}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, String(process.pid));
    await link(temporary, lock).catch(async cause => {
      if (systemCode(cause) === 'EEXIST') throw cause;
      const handle = await open(lock, 'wx'); // a file system without hard links
      await handle.writeFile(String(process.pid)).finally(() => handle.close());
    });
    return true;
  } catch (cause) {
    if (systemCode(cause) === 'EEXIST') return false;
    throw writeError(lock, cause);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function holderOf(lock: string): Promise<number> {
  return Number.parseInt(await readFile(lock, 'utf8').catch(() => ''), 10);
}

function isHeld(lock: string, holder: number): boolean {
  if (holder === process.pid) return held.has(lock);
  return Number.isInteger(holder) && isAlive(holder);
}

/** Takes the lock of a dead process out of the way; of several that try, one moves it and the others find nothing. */
async function clearAway(lock: string): Promise<void> {
  const aside = `${lock}.${process.pid}.old`;
  try {
    await rename(lock, aside);
  } catch {
    return;
  }
  // Someone else may have cleared it and taken it since it was read.
  if (isHeld(lock, await holderOf(aside))) await rename(aside, lock);
  else await rm(aside, { force: true });
}

/**
 * Takes the lock `<path>.lock`; throws OUTPUT_BUSY while another living process of this machine holds it. The lock
 * of a dead process is taken over. Returns the function that gives it back.
 */
export async function lockFile(path: string): Promise<() => Promise<void>> {
  const lock = `${resolve(path)}.lock`;
  for (let attempt = 0; ; attempt++) {
    if (await claim(lock)) {
      held.add(lock);
      return async () => {
        held.delete(lock);
        await rm(lock, { force: true });
      };
    }
    const holder = await holderOf(lock);
    if (isHeld(lock, holder) || attempt > 3) {
      const hint = `Wait for it, or give another output. If no such process runs, delete ${lock}.`;
      throw new LoraError('OUTPUT_BUSY', `${path} is being written by process ${holder}`, { hint });
    }
    await clearAway(lock);
  }
}

/** Whether a living process of this machine holds the lock of `path`. */
export function isLocked(path: string): boolean {
  const lock = `${resolve(path)}.lock`;
  try {
    return isHeld(lock, Number.parseInt(readFileSync(lock, 'utf8'), 10));
  } catch {
    return false; // there is none
  }
}
