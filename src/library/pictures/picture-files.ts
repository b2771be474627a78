/** @file The files of the history: two levels of folders, days and what is in them; hidden ones are none of it. */
import { createHash } from 'node:crypto';
import { type Dirent, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface PictureFile {
  readonly id: string;
  /** Within the folder of pictures, with `/`. */
  readonly place: string;
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly changedAt: number;
}

const endings = /\.(?:png|jpe?g|webp)$/i;
const deepest = 3;

/** 16 hex digits of the sha256 of its place. */
export const historyIdOf = (place: string): string =>
  createHash('sha256').update(place).digest('hex').slice(0, 16);

const entriesOf = (folder: string): Promise<Dirent[]> =>
  readdir(folder, { withFileTypes: true }).catch(() => []);

/** One file; undefined where it is not there any more. */
export function pictureFileAt(root: string, place: string): PictureFile | undefined {
  const path = join(root, ...place.split('/'));
  const facts = statSync(path, { throwIfNoEntry: false });
  if (!facts?.isFile()) return undefined;
  return { id: historyIdOf(place), place, path, bytes: facts.size, changedAt: Math.round(facts.mtimeMs) };
}

/** Places of all pictures. Links are not followed. */
export async function listPictureFiles(root: string): Promise<string[]> {
  const places: string[] = [];
  const look = async (inner: string, level: number): Promise<void> => {
    for (const entry of await entriesOf(join(root, inner))) {
      if (entry.name.startsWith('.')) continue;
      const place = inner === '' ? entry.name : `${inner}/${entry.name}`;
      if (entry.isDirectory() && level < deepest) await look(place, level + 1);
      else if (entry.isFile() && endings.test(entry.name)) places.push(place);
    }
  };
  await look('', 1);
  return places;
}
