/** @file Where pictures go: one file, numbered files, or the next free numbers of a folder. Nothing is overwritten. */
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { LoraError, usageError } from '../../errors.ts';
import { ensureWritableFolder, isFolder, lockFile, writeFileAtomic } from '../../files/index.ts';
import type { PictureFormat } from '../../generation/index.ts';

const endings: Readonly<Record<string, PictureFormat>> = {
  '.png': 'png',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.webp': 'webp',
};

export interface OutputFiles {
  readonly format: PictureFormat;
  readonly folder: string;
  /** Makes the folder, so that it is known to take files before any work is done for them; `undo` takes it away while it is empty. */
  prepare(): Promise<{ undo(): void }>;
  /** Writes picture `index` and says where. */
  write(index: number, seed: bigint, bytes: Uint8Array): Promise<string>;
}

function looksLikeFolder(out: string): boolean {
  try {
    return isFolder(out);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    const reason = code === 'ENAMETOOLONG' ? `a name of ${basename(out).length} letters is too long` : code;
    throw usageError('OUT_INVALID', `--out ${out.slice(0, 60)} …: ${reason}`, 'Choose another path.');
  }
}

/** As A1111 names them: `00007-1234.png`. Other names in the folder, dates above all, do not count. */
const nextNumber = (folder: string): number =>
  readdirSync(folder).reduce((next, name) => {
    const [, digits] = /^(\d{5,9})[-.]/.exec(name) ?? [];
    return Math.max(next, digits === undefined ? 0 : Number(digits) + 1);
  }, 0);

const longestWait = 30_000;

/** The lock that makes look and write one step; another process has it for the time of one picture. */
async function lockNumbers(folder: string): Promise<() => Promise<void>> {
  const start = Date.now();
  for (;;) {
    try {
      return await lockFile(join(folder, '.numbers'));
    } catch (error) {
      const isBusy = error instanceof LoraError && error.code === 'OUTPUT_BUSY';
      if (!isBusy || Date.now() - start > longestWait) throw error;
      await pause(20);
    }
  }
}

async function writeNumbered(
  folder: string,
  bytes: Uint8Array,
  seed: bigint,
  ending: string,
): Promise<string> {
  const unlock = await lockNumbers(folder);
  try {
    const path = join(folder, `${String(nextNumber(folder)).padStart(5, '0')}-${seed}.${ending}`);
    await writeFileAtomic(path, bytes, { keepExisting: true });
    return path;
  } finally {
    await unlock();
  }
}

async function makeFolder(folder: string): Promise<{ undo(): void }> {
  const made: string[] = [];
  for (let at = folder; !existsSync(at); at = dirname(at)) made.push(at);
  const undo = (): void => {
    try {
      for (const path of made) rmdirSync(path);
    } catch {} // something is in it
  };
  await ensureWritableFolder(folder).catch(error => {
    undo();
    throw error;
  });
  return { undo };
}

/** Throws OUT_EXISTS where a file would be replaced. */
function namedPaths(out: string, count: number): string[] {
  const ending = extname(out);
  const stem = out.slice(0, -ending.length);
  const paths =
    count === 1
      ? [out]
      : Array.from({ length: count }, (_, i) => `${stem}-${String(i + 1).padStart(4, '0')}${ending}`);
  const taken = paths.find(path => existsSync(path));
  if (taken === undefined) return paths.map(path => resolve(path));
  throw usageError('OUT_EXISTS', `${taken} is there already`, 'Choose another --out, or move the file away.');
}

/**
 * Files for `count` pictures. Throws OUT_FORMAT for an ending that is none or not the format that is asked for,
 * OUT_EXISTS, and OUT_INVALID.
 */
export function openOutputFiles(
  out: string,
  { format, count }: { readonly format: PictureFormat | undefined; readonly count: number },
): OutputFiles {
  if (out === '')
    throw usageError('OUT_INVALID', '--out names no file or folder: the text after it is empty');
  const ending = looksLikeFolder(out) ? '' : extname(out);
  const { [ending.toLowerCase()]: named } = endings;
  if (ending !== '' && named === undefined)
    throw usageError('OUT_FORMAT', `--out ${out} must be a folder or end in .png, .jpg or .webp`);
  if (format && named && format !== named)
    throw usageError(
      'OUT_FORMAT',
      `--out ${out} ends like ${named}, --format says ${format}`,
      'Leave --format out, or give both the same.',
    );
  if (named === undefined) {
    const folder = resolve(out);
    const own = format ?? 'png';
    return {
      ...{ format: own, folder, prepare: () => makeFolder(folder) },
      write: (_, seed, bytes) => writeNumbered(folder, bytes, seed, own === 'jpeg' ? 'jpg' : own),
    };
  }
  const paths = namedPaths(out, count);
  const folder = dirname(resolve(out));
  return {
    ...{ format: named, folder, prepare: () => makeFolder(folder) },
    async write(index, _, bytes) {
      await writeFileAtomic(paths[index], bytes, { keepExisting: true });
      return paths[index];
    },
  };
}
