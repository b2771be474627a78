/** @file Whether a path leads to a folder. */
import { statSync } from 'node:fs';

/** False also where there is nothing, or nothing that may be looked at. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    return false;
  }
}
