/** @file The one place where the index asks side files and the rules of trigger words. */
import type { SideFacts } from '../side-files/facts.ts';
import { readSideFiles } from '../side-files/read-side-files.ts';

export { triggersOf } from '../triggers/triggers-of.ts';

/** What is kept of side files. Pictures stay where they are. */
export interface KeptSide extends Omit<SideFacts, 'thumbnail'> {
  readonly hasThumbnail?: boolean;
}

export const noSide: KeptSide = { triggers: [], tags: [], hashes: {}, files: [], findings: [] };

/** What lies beside a model. `siblings` are the names that may be of it. */
export async function sideOf(path: string, siblings: readonly string[]): Promise<KeptSide> {
  if (siblings.length === 0) return noSide;
  const { thumbnail, ...side } = await readSideFiles(path, siblings);
  return thumbnail === undefined ? side : { ...side, hasThumbnail: true };
}

/** A picture as a `data:` URL in a side file. */
export const sideThumbnail = async (path: string, siblings: readonly string[]): Promise<string | undefined> =>
  (await readSideFiles(path, siblings)).thumbnail;

/** Hashes that side files claim; for search, never shown as true. */
export const claimedBySide = ({ hashes }: KeptSide): string[] =>
  Object.values(hashes).filter(hash => typeof hash === 'string');
