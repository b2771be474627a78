/** @file What is being published, written down before the first file gets its name: see docs/decisions/0010. */
import { readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { writeFileAtomic } from '../../../files/index.ts';
import { finishedFile } from '../../child/messages.ts';

const published = finishedFile.omit({ path: true }).extend({
  /** Both relative to the data folder, with `/`. */
  staged: z.string(),
  target: z.string(),
  /** How it gets its name: as a second name of the staged file; where a disk has no such names, moved; to another disk, copied. */
  way: z.enum(['link', 'move', 'copy']),
});
export type PublishedFile = z.output<typeof published>;

const journal = z.object({
  version: z.literal(1),
  jobId: z.string(),
  attempt: z.number().int(),
  files: z.array(published),
  result: z.unknown().optional(),
});
export type Publication = z.output<typeof journal>;

/** Undefined where there is none. One that cannot be read is none: it is written whole or not at all. */
export async function readPublication(path: string): Promise<Publication | undefined> {
  try {
    return journal.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

export async function writePublication(path: string, publication: Publication): Promise<void> {
  await writeFileAtomic(path, JSON.stringify(publication));
}

export async function removePublication(path: string): Promise<void> {
  await rm(path, { force: true });
}
