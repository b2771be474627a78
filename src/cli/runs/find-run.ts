/** @file From what a user calls a run to its folder. */
import { basename, join } from 'node:path';
import { badInput, usageError } from '../../errors.ts';
import { isFolder } from '../../files/index.ts';
import { findRuns } from '../../training/index.ts';

const nameOf = (folder: string): string => basename(folder).replace(/\.run$/, '');

/**
 * `my-lora`, `my-lora.run` and `my-lora.safetensors` are the same run; a name alone is looked for below this folder.
 * Throws RUN_NOT_FOUND and RUN_AMBIGUOUS.
 */
export function findRun(given: string): string {
  const stem = given.replace(/[/\\]+$/, '').replace(/\.(safetensors|run|run-state)$/, '');
  const direct = `${stem}.run`;
  if (isFolder(direct)) return direct;
  if (isFolder(given)) {
    const inside = findRuns(given);
    if (inside.length === 1) return inside[0];
    const hint = `lora runs list ${given} lists them.`;
    throw usageError('RUN_AMBIGUOUS', `${given} is a folder of ${inside.length} runs, not one run`, hint);
  }
  const isName = !/[/\\]/.test(given);
  const hits = isName ? findRuns('.').filter(folder => nameOf(folder) === stem) : [];
  if (hits.length === 1) return join(hits[0]);
  if (hits.length > 1)
    throw usageError('RUN_AMBIGUOUS', `${given} could be ${hits.join(' or ')}`, 'Give the path of one.');
  throw badInput(
    'RUN_NOT_FOUND',
    `there is no run ${given}`,
    'lora runs list lists those below this folder.',
  );
}
