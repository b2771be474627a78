/** @file What is taken out of a store is set aside in its `.removed` folder first, and goes for good some days later. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { badInput } from '../errors.ts';
import { systemCode, writeFault } from './system-faults.ts';

const folderName = '.removed';
const day = 86_400_000;

/** `zorbi-20261127T051500123-ab12cd`: when it was set aside stands in its name, for moves keep a file's own times. */
function asideName(name: string, at: Date): string {
  const time = at.toISOString().replace(/[-:.Z]/g, '');
  return `${name}-${time}-${randomBytes(3).toString('hex')}`;
}

function timeOf(name: string): number | undefined {
  const match = /-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)\d{3}-[0-9a-f]{6}$/.exec(name);
  if (!match) return undefined;
  const [year, month, ...rest] = match.slice(1).map(Number);
  return Date.UTC(year, month - 1, ...(rest as [number, number, number, number]));
}

/** Moves files or folders of a store into a folder of their own in `.removed`; those that are not there are passed over. */
export async function setAside(root: string, name: string, paths: readonly string[]): Promise<string> {
  const folder = join(root, folderName, asideName(name, new Date()));
  try {
    await mkdir(folder, { recursive: true });
    for (const path of paths) await moveInto(folder, path);
    return folder;
  } catch (cause) {
    throw writeFault(folder, cause);
  }
}

async function moveInto(folder: string, path: string): Promise<void> {
  const name = path.split(/[\\/]/).at(-1) as string;
  await rename(path, join(folder, name)).catch(cause => {
    if (systemCode(cause) !== 'ENOENT') throw cause;
  });
}

/** Deletes what was set aside more than so many days ago; returns how many. What is called otherwise stays. */
export async function sweepRemoved(root: string, days: number, now = Date.now()): Promise<number> {
  if (days < 0) throw badInput('DAYS_INVALID', `${days} days: give 0 or more`);
  const names = await readdir(join(root, folderName)).catch(() => []);
  const old = names.filter(name => (timeOf(name) ?? now) < now - days * day);
  for (const name of old) await rm(join(root, folderName, name), { recursive: true, force: true });
  return old.length;
}
