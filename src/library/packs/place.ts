/** @file Gives finished files their names in a folder of the user's: all of them or none, and never over another file. */
import { chmod, link, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LoraError } from '../../errors.ts';
import { hashFile } from '../../files/index.ts';

/** What follows the stem → where it lies now, the model itself among them. */
export type Endings = ReadonlyMap<string, string>;

export const modelEnding = '.safetensors';
const mostTries = 1000;

/** `zork`, or `zork-2` … where one of its files is there already. */
function freeStem(wanted: string, endings: Iterable<string>, names: readonly string[]): string {
  const taken = new Set(names.map(name => name.toLowerCase()));
  const all = [...endings];
  for (let i = 1; i <= mostTries; i++) {
    const stem = i === 1 ? wanted : `${wanted}-${i}`;
    if (!all.some(ending => taken.has(`${stem}${ending}`.toLowerCase()))) return stem;
  }
  throw new LoraError('PACK_NAMES_TAKEN', `${wanted} and ${mostTries} names after it are taken`, {
    hint: 'Unpack into another folder with --to.',
  });
}

/** A file of the same bytes that is there already under this name or one of those after it. */
export async function findSame(
  folder: string,
  stem: string,
  bytes: number,
  sha256: string,
): Promise<string | undefined> {
  const names = await readdir(folder).catch(() => []);
  const own = names.filter(name => {
    const rest = name.toLowerCase().startsWith(stem.toLowerCase()) ? name.slice(stem.length) : '';
    return /^(-\d+)?\.safetensors$/i.test(rest);
  });
  for (const name of own) {
    const path = join(folder, name);
    const facts = await stat(path).catch(() => undefined);
    if (facts?.isFile() && facts.size === bytes && (await hashFile(path)) === sha256) return path;
  }
  return undefined;
}

/** A hard link never replaces; where there are none, the name was free a moment ago. */
async function putFile(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') throw cause;
    if (await stat(to).catch(() => undefined)) throw Object.assign(new Error(to), { code: 'EEXIST' });
    await rename(from, to);
  }
}

async function putAll(folder: string, stem: string, endings: Endings): Promise<string[]> {
  const placed: string[] = [];
  // The model last: whoever sees it finds its side files, too.
  const inOrder = [...endings].sort(([a], [b]) => Number(a === modelEnding) - Number(b === modelEnding));
  try {
    for (const [ending, from] of inOrder) {
      const to = join(folder, `${stem}${ending}`);
      await chmod(from, 0o644);
      await putFile(from, to);
      placed.push(to);
    }
    return placed.reverse();
  } catch (error) {
    for (const path of placed) await rm(path, { force: true });
    throw error;
  }
}

/** Places the files under `stem` or the next free name; returns their paths, the model first. */
export async function placeFiles(
  folder: string,
  stem: string,
  endings: Endings,
): Promise<{ stem: string; paths: string[] }> {
  for (let tries = 0; ; tries++) {
    const free = freeStem(stem, endings.keys(), await readdir(folder));
    try {
      return { stem: free, paths: await putAll(folder, free, endings) };
    } catch (error) {
      // Somebody else took the name in between.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || tries >= 10) throw error;
    }
  }
}
