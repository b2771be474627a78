/** @file Whether a path leads to a folder. */
import { statSync } from 'node:fs';

/** False also where there is nothing; throws where the system cannot say, e.g. for a name that is too long. */
export const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** False also where nothing may be looked at: the right of a user, a drive that is away. */
export function isReachableFolder(path: string): boolean {
  try {
    return isFolder(path);
  } catch {
    return false;
  }
}
