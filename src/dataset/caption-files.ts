/** @file Finds the caption files of pictures: `a.txt` or `a.png.txt` for `a.png`, whatever the case of `.txt`. */

import { extname, join } from 'node:path';
import type { FoundFile } from './folder-walk.ts';

export interface CaptionPaths {
  txt: string | undefined;
  caption: string | undefined;
}

export interface CaptionFiles {
  /** The caption files of a picture, which then count as claimed. */
  claim(picture: FoundFile): CaptionPaths;
  isCaption(path: string): boolean;
  /** Caption files that no picture has claimed. */
  unclaimed(): string[];
}

/** `photo.png` → `photo`. */
export function stemOf(name: string): string {
  return name.slice(0, name.length - extname(name).length);
}

/** Files that belong to pictures by their names, and how often each was claimed. */
export interface Sidecars {
  /** Those of a picture that exist, in the order of the endings. */
  claim(picture: FoundFile): string[];
  has(path: string): boolean;
  unclaimed(): string[];
  /** Files that several pictures have claimed, with these pictures. */
  shared(): { path: string; pictures: string[] }[];
}

/** Indexes the files whose name ends with one of `endings` (`.txt`, or kohya's any other); case does not count. */
export function findSidecars(files: readonly FoundFile[], endings: readonly string[]): Sidecars {
  const pathByKey = new Map<string, string>();
  const claims = new Map<string, string[]>();
  for (const { path, folder, name } of files) {
    for (const ending of endings) {
      if (name.length <= ending.length || !name.toLowerCase().endsWith(ending.toLowerCase())) continue;
      pathByKey.set(join(folder, name.slice(0, -ending.length)) + ending, path);
    }
  }
  const paths = new Set(pathByKey.values());
  const claimOne = (picture: FoundFile, ending: string): string[] => {
    const beside = join(picture.folder, stemOf(picture.name)) + ending;
    const path = pathByKey.get(beside) ?? pathByKey.get(picture.path + ending);
    if (path === undefined) return [];
    claims.set(path, [...(claims.get(path) ?? []), picture.path]);
    return [path];
  };
  return {
    claim: picture => endings.flatMap(ending => claimOne(picture, ending)),
    has: path => paths.has(path),
    unclaimed: () => [...paths].filter(path => !claims.has(path)).sort(),
    shared: () =>
      [...claims].flatMap(([path, pictures]) => (pictures.length > 1 ? [{ path, pictures }] : [])),
  };
}

/** Indexes the `.txt` and `.caption` files among all files of a data set. */
export function findCaptionFiles(files: readonly FoundFile[]): CaptionFiles {
  const [txt, caption] = ['.txt', '.caption'].map(ending => findSidecars(files, [ending]));
  return {
    claim: picture => ({ txt: txt.claim(picture)[0], caption: caption.claim(picture)[0] }),
    isCaption: path => txt.has(path) || caption.has(path),
    unclaimed: () => [...txt.unclaimed(), ...caption.unclaimed()].sort(),
  };
}
