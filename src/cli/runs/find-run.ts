/** @file From what a user calls a run to its folder. */
import { badInput, usageError } from '../../errors.ts';
import { isFolder } from '../../files/index.ts';
import { findRuns } from '../../training/index.ts';
import { runName } from './run-facts.ts';

/**
 * `my-lora`, `my-lora.run` and `my-lora.safetensors` are the same run; a name alone is looked for below this folder.
 * Throws RUN_NOT_FOUND and RUN_AMBIGUOUS.
 */
export function findRun(given: string): string {
  const stem = given.replace(/[/\\]+$/, '').replace(/\.(safetensors|run|run-state)$/, '');
  const direct = `${stem}.run`;
  if (isFolder(direct)) return direct;
  if (isFolder(given)) {
    const inside = findRuns(given).folders;
    if (inside.length === 1) return inside[0];
    const hint = `lora runs list ${given} lists them.`;
    throw usageError('RUN_AMBIGUOUS', `${given} is a folder of ${inside.length} runs, not one run`, hint);
  }
  const isName = !/[/\\]/.test(given);
  const hits = isName ? findRuns('.').folders.filter(folder => runName(folder) === stem) : [];
  if (hits.length === 1) return hits[0];
  if (hits.length > 1)
    throw usageError('RUN_AMBIGUOUS', `${given} could be ${hits.join(' or ')}`, 'Give the path of one.');
  throw badInput(
    'RUN_NOT_FOUND',
    `there is no run ${given}`,
    'lora runs list lists those below this folder.',
  );
}
