/** @file What lies below a folder: the files of some kinds, without opening any of them. */
import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';

export interface ListedFile {
  /** Absolute. */
  readonly path: string;
  /** Below its folder, with `/`, ending included. */
  readonly inFolder: string;
}

export interface ListedFolder extends ListedFile {
  /** Names of the files in it. */
  readonly holds: readonly string[];
}

export interface Listing {
  readonly files: readonly ListedFile[];
  readonly folders: readonly ListedFolder[];
}

export interface ListingOptions {
  /** In lower case, with their points. */
  readonly endings: readonly string[];
  /** Levels of folders that are looked into; 1 is the folder alone. */
  readonly depth: number;
}

/** A folder that may not be read, or is none, holds nothing that could be used. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

const slashed = (path: string): string => path.replaceAll('\\', '/');

/** Neither environments of Python nor packages of Node hold anything of the user's. */
const leftOut = /^(?:\..*|node_modules|venv|__pycache__|site-packages)$/;

/** What a link leads to; undefined where it leads nowhere. */
function kindOf(entry: Dirent, path: string): 'file' | 'folder' | undefined {
  const found = entry.isSymbolicLink() ? statSync(path, { throwIfNoEntry: false }) : entry;
  return found?.isFile() ? 'file' : found?.isDirectory() ? 'folder' : undefined;
}

/** Lists a folder; links are followed, but no folder is looked into twice. */
export function listFolder(root: string, { endings, depth }: ListingOptions): Listing {
  const top = resolve(root);
  const files: ListedFile[] = [];
  const folders: ListedFolder[] = [];
  const seen = new Set<string>();
  const look = (folder: string, left: number): void => {
    const entries = entriesOf(folder);
    if (entries.length === 0) return;
    const real = realpathSync(folder);
    if (seen.has(real)) return;
    seen.add(real);
    const holds: string[] = [];
    for (const entry of entries) {
      const path = join(folder, entry.name);
      const kind = kindOf(entry, path);
      if (kind === 'folder' && left > 1 && !leftOut.test(entry.name)) look(path, left - 1);
      if (kind !== 'file') continue;
      holds.push(entry.name);
      const lower = entry.name.toLowerCase();
      if (endings.some(ending => lower.endsWith(ending)))
        files.push({ path, inFolder: slashed(relative(top, path)) });
    }
    folders.push({ path: folder, inFolder: slashed(relative(top, folder)), holds });
  };
  look(top, depth);
  return { files, folders };
}

/** Levels of folders: below a folder that is meant, and below one that may be any, such as the current one. */
const deep = 8;
const shallow = 4;

/**
 * A folder as it is to be listed: where it has some of `usual` folders in it (`models/Lora`), those and what lies
 * directly in it, since the rest of such a tree is other things.
 */
export function listUsual(root: string, usual: readonly string[], endings: readonly string[]): Listing {
  const inside = usual
    .map(name => join(root, name))
    .filter(path => statSync(path, { throwIfNoEntry: false })?.isDirectory());
  if (inside.length === 0) return listFolder(root, { endings, depth: shallow });
  const listings = [
    ...inside.map(path => listFolder(path, { endings, depth: deep })),
    listFolder(root, { endings, depth: 1 }),
  ];
  return {
    files: listings.flatMap(({ files }) => files),
    folders: listings.flatMap(({ folders }) => folders),
  };
}

/** Several listings as one: a file that is reached in two ways counts once, under its longest name. */
export function joinListings(listings: readonly Listing[]): Listing {
  const unique = <T extends ListedFile>(all: readonly T[]): T[] => {
    const byPath = new Map<string, T>();
    for (const item of all) {
      const before = byPath.get(item.path);
      if (!before || item.inFolder.length > before.inFolder.length) byPath.set(item.path, item);
    }
    return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  };
  return {
    files: unique(listings.flatMap(({ files }) => files)),
    folders: unique(listings.flatMap(({ folders }) => folders)),
  };
}

/** A name that leads out of the folders: absolute, of a drive, or with `..` in it. */
export const leadsOut = (name: string): boolean =>
  isAbsolute(name) || /^[a-z]:/i.test(name) || slashed(name).split('/').includes('..') || name.includes('\0');
