/** @file The base of a job. */
import { statSync } from 'node:fs';
import { type Checkpoint, openCheckpoint } from '../../models/index.ts';
import type { JobContext } from '../runner.ts';

/** Opens the checkpoint of an id; what is worth telling of it is noted. Throws CARD_*, CHECKPOINT_*. */
export function openBase({ names, note }: Pick<JobContext, 'names' | 'note'>, id: string): Checkpoint {
  const { path, name } = names.base(id);
  const checkpoint = openCheckpoint(path);
  for (const finding of checkpoint.findings) note(`${name}: ${finding}`);
  return checkpoint;
}

const filesOf = ({ unet, vae, textEncoder, textEncoder2 }: Checkpoint): Set<string> =>
  new Set([unet, vae, textEncoder, ...(textEncoder2 ? [textEncoder2] : [])].flatMap(({ files }) => files));

/** Tells the files of an open base apart from what lies there later. */
export function stampOf(checkpoint: Checkpoint): string {
  return [...filesOf(checkpoint)]
    .map(path => {
      const facts = statSync(path, { throwIfNoEntry: false });
      return [path, facts?.size, facts?.mtimeMs, facts?.ino].join();
    })
    .join(';');
}
