/** @file The files that a run writes, and what must not be there before it does. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { usageError } from '../errors.ts';
import { ensureFreeSpace } from '../files/index.ts';
import { parametersOf, type TrainedLayer } from '../lora/index.ts';
import type { Recipe } from './recipe/recipe.ts';
import { runStatePath } from './run-state.ts';

const stemOf = (out: string): string => out.replace(/\.safetensors$/, '');

/** A save on the way, named as kohya names them: `name-step00000100.safetensors`. */
export function savePath(out: string, step: number): string {
  return `${stemOf(out)}-step${String(step).padStart(8, '0')}.safetensors`;
}

/** Whether a save is due after `step`; the last step writes `out` itself. */
export function isSaveDue({ saveEvery, steps }: Recipe, step: number): boolean {
  return saveEvery > 0 && step % saveEvery === 0 && step < steps;
}

function savesOnTheWay(recipe: Recipe): number[] {
  if (recipe.saveEvery === 0) return [];
  const count = Math.ceil(recipe.steps / recipe.saveEvery) - 1;
  return Array.from({ length: count }, (_, i) => (i + 1) * recipe.saveEvery);
}

export function checkOutName(out: string): void {
  if (!out.endsWith('.safetensors'))
    throw usageError('OUT_NOT_SAFETENSORS', `--out ${out} must end in .safetensors`);
}

/**
 * Throws OUT_EXISTS or RUN_STATE_EXISTS for what the run would replace. Only a resumed run may write its saves on
 * the way again: after a crash some are newer than the state.
 */
export function checkNothingReplaced(out: string, recipe: Recipe, resume: boolean): void {
  const statePath = runStatePath(out);
  const unfinished = existsSync(statePath);
  if (existsSync(out)) {
    const hint = unfinished
      ? `If it came from this run, the run is done: delete ${statePath}.`
      : 'Choose another --out, or move the file away.';
    throw usageError('OUT_EXISTS', `${out} is there already`, hint);
  }
  if (resume && unfinished) return;
  if (unfinished) {
    const hint = 'Add --resume to go on with it, or delete it to start anew.';
    throw usageError('RUN_STATE_EXISTS', `${statePath} holds an unfinished run`, hint);
  }
  const taken = savesOnTheWay(recipe)
    .map(step => savePath(out, step))
    .find(path => existsSync(path));
  if (taken === undefined) return;
  const hint = 'Choose another --out, or move the file away.';
  throw usageError('OUT_EXISTS', `${taken}, which --save-every would write, is there already`, hint);
}

export const countParameters = (layers: readonly TrainedLayer[]): number => parametersOf(layers).trained;

/** Room for header and metadata of a file; kohya's are a few ten kB. */
const headerBytes = 2 ** 18;

/** Throws WRITE_NO_SPACE when the LoRA, its saves on the way and the run state do not fit on the disk. */
export async function ensureSpaceForRun(
  out: string,
  recipe: Recipe,
  layers: readonly TrainedLayer[],
): Promise<void> {
  const { trained, frozen } = parametersOf(layers);
  const bytesEach = recipe.precision === 'float32' ? 4 : 2;
  const files = 1 + savesOnTheWay(recipe).length;
  const loras = files * (headerBytes + bytesEach * (trained + frozen));
  const state = headerBytes + 4 * (3 * trained + frozen); // parameters and two moments, float32
  await ensureFreeSpace(dirname(out), loras + state);
}
