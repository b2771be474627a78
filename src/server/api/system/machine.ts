/** @file What this machine has left: disk and memory, looked at no more than once a second. */
import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { availableMemory } from '../../../generation/index.ts';

export interface DiskSpace {
  readonly free: number;
  readonly total: number;
}

const calmMs = 1000;
const kept = new Map<string, { readonly at: number; readonly space: Promise<DiskSpace> }>();

/** Zeros where the file system does not count. */
export function diskSpace(folder: string): Promise<DiskSpace> {
  const before = kept.get(folder);
  if (before && performance.now() - before.at < calmMs) return before.space;
  const space = statfs(folder).then(
    ({ bavail, blocks, bsize }) => ({ free: bavail * bsize, total: blocks * bsize }),
    () => ({ free: 0, total: 0 }),
  );
  kept.set(folder, { at: performance.now(), space });
  return space;
}

export const cores = (): number => availableParallelism();
export const memory = (): { total: number; available: number } => ({
  ...{ total: totalmem(), available: availableMemory() },
});
