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

/** Indexes the caption files among all files of a data set. */
export function findCaptionFiles(files: readonly FoundFile[]): CaptionFiles {
  const pathByKey = new Map<string, string>();
  const claimed = new Set<string>();
  for (const { path, folder, name } of files) {
    const extension = extname(name).toLowerCase();
    if (extension === '.txt' || extension === '.caption')
      pathByKey.set(join(folder, stemOf(name)) + extension, path);
  }
  const paths = new Set(pathByKey.values());

  const claimOne = (picture: FoundFile, extension: string): string | undefined => {
    const beside = join(picture.folder, stemOf(picture.name)) + extension;
    const path = pathByKey.get(beside) ?? pathByKey.get(picture.path + extension);
    if (path !== undefined) claimed.add(path);
    return path;
  };
  return {
    claim: picture => ({ txt: claimOne(picture, '.txt'), caption: claimOne(picture, '.caption') }),
    isCaption: path => paths.has(path),
    unclaimed: () => [...paths].filter(path => !claimed.has(path)).sort(),
  };
}
