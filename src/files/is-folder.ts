/** @file Whether a path leads to a folder. */
import { statSync } from 'node:fs';

/** False also where there is nothing. */
export const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
