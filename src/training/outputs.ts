/** @file The files that a run writes, and what must not be there before it does. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { usageError } from '../errors.ts';
import { ensureFreeSpace, openSafetensors } from '../files/index.ts';
import { parametersOf, type TrainedLayer, trainedTensors } from '../lora/index.ts';
import { sessionId } from './metadata/lora-metadata.ts';
import { openOptimizer } from './optimizers/optimizer.ts';
import type { Recipe } from './recipe/recipe.ts';
import { previousStatePath, runStatePath, stemOf } from './run-state.ts';
import { readState } from './state/decode.ts';
import { hasRunState } from './state/generations.ts';

/** A save on the way after so many steps, named as kohya names them: `name-step00000100.safetensors`. */
export function savePath(out: string, step: number): string {
  return `${stemOf(out)}-step${String(step).padStart(8, '0')}.safetensors`;
}

/** The same after so many epochs: `name-000003.safetensors`. */
export function epochSavePath(out: string, epoch: number): string {
  return `${stemOf(out)}-${String(epoch).padStart(6, '0')}.safetensors`;
}

/** The LoRA of the step at which held-out pictures were predicted best. */
export const bestPath = (out: string): string => `${stemOf(out)}-best.safetensors`;

export interface Save {
  /** Finished steps. */
  readonly step: number;
  readonly path: string;
}

/** The step that ends an epoch: `batchesPerEpoch` counts micro-steps. */
const lastStepOf = (epoch: number, batchesPerEpoch: number, accumulate: number): number =>
  Math.ceil((epoch * batchesPerEpoch) / accumulate);

function* everySteps(out: string, { saveEvery, steps }: Recipe): Generator<Save> {
  if (saveEvery === 0) return;
  for (let step = saveEvery; step < steps; step += saveEvery) yield { step, path: savePath(out, step) };
}

function* everyEpochs(out: string, recipe: Recipe, batchesPerEpoch: number): Generator<Save> {
  const { saveEveryEpochs: every, steps, accumulate } = recipe;
  if (every === 0 || batchesPerEpoch === 0) return;
  for (let epoch = every; ; epoch += every) {
    const step = lastStepOf(epoch, batchesPerEpoch, accumulate);
    if (step >= steps) return;
    yield { step, path: epochSavePath(out, epoch) };
  }
}

/** All saves on the way in their order; the last step writes `out` itself. Those by epoch where batches are known. */
export function savesOnTheWay(out: string, recipe: Recipe, batchesPerEpoch = 0): Save[] {
  return [...everySteps(out, recipe), ...everyEpochs(out, recipe, batchesPerEpoch)].sort(
    (a, b) => a.step - b.step,
  );
}

export function checkOutName(out: string): void {
  if (!out.endsWith('.safetensors'))
    throw usageError('OUT_NOT_SAFETENSORS', `--out ${out} must end in .safetensors`);
}

/** Whether `out` is the LoRA of the run whose state lies beside it: one that ended between the two. */
export function isOfSameRun(out: string): boolean {
  const path = runStatePath(out);
  try {
    const state = readState(existsSync(path) ? path : previousStatePath(path));
    return openSafetensors(out).metadata.ss_session_id === String(sessionId(state));
  } catch {
    return false;
  }
}

/**
 * Throws OUT_EXISTS or RUN_STATE_EXISTS for what the run would replace. Only a resumed run may write its saves on
 * the way again: after a crash some are newer than the state. So may the LoRA itself.
 */
export function checkNothingReplaced(
  out: string,
  recipe: Recipe,
  resume: boolean,
  batchesPerEpoch = 0,
): void {
  const statePath = runStatePath(out);
  const unfinished = hasRunState(statePath);
  if (existsSync(out)) {
    if (resume && unfinished && isOfSameRun(out)) return;
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
  const hint = 'Choose another --out, or move the file away.';
  const best = bestPath(out);
  if (validates(recipe) && existsSync(best))
    throw usageError('OUT_EXISTS', `${best}, which the best step is written to, is there already`, hint);
  const taken = savesOnTheWay(out, recipe, batchesPerEpoch).find(({ path }) => existsSync(path));
  if (taken === undefined) return;
  throw usageError('OUT_EXISTS', `${taken.path}, which --save-every would write, is there already`, hint);
}

export const countParameters = (layers: readonly TrainedLayer[]): number => parametersOf(layers).trained;

/** Room for header and metadata of a file; kohya's are a few ten kB. */
const headerBytes = 2 ** 18;

/** What the optimizer of a run remembers. */
export function optimizerBytes(recipe: Recipe, layers: readonly TrainedLayer[]): number {
  const { stateBytes } = openOptimizer(recipe);
  const shapes = layers.flatMap(layer => trainedTensors(layer).map(([, { shape }]) => shape));
  return shapes.reduce((sum, shape) => sum + stateBytes(shape), 0);
}

/** What steps change: parameters, what the optimizer remembers, their average. */
export function pointBytes(recipe: Recipe, layers: readonly TrainedLayer[]): number {
  const { trained } = parametersOf(layers);
  return 4 * trained * (recipe.emaDecay > 0 ? 2 : 1) + optimizerBytes(recipe, layers);
}

export const validates = ({ validationShare, validationFolder }: Recipe): boolean =>
  validationShare > 0 || validationFolder !== null;

/** A run state at its largest: with the point that a rollback goes to, and the best so far. */
export function stateBytes(recipe: Recipe, layers: readonly TrainedLayer[]): number {
  const { trained, frozen } = parametersOf(layers);
  const best = validates(recipe) ? 4 * trained : 0;
  return headerBytes + 2 * pointBytes(recipe, layers) + 4 * frozen + best;
}

/** Throws WRITE_NO_SPACE when the LoRA, its saves on the way and two run states do not fit on the disk. */
export async function ensureSpaceForRun(
  out: string,
  recipe: Recipe,
  layers: readonly TrainedLayer[],
  batchesPerEpoch = 0,
): Promise<void> {
  const { trained, frozen } = parametersOf(layers);
  const bytesEach = recipe.precision === 'float32' ? 4 : 2;
  const saves = savesOnTheWay(out, recipe, batchesPerEpoch).length;
  const kept = recipe.keepSaves === 0 ? saves : Math.min(saves, recipe.keepSaves + 1);
  const files = 1 + kept + (validates(recipe) ? 1 : 0);
  const loras = files * (headerBytes + bytesEach * (trained + frozen));
  // Two generations, and the next one while it is written.
  await ensureFreeSpace(dirname(out), loras + 3 * stateBytes(recipe, layers));
}

/** What a run holds beside its graph: the optimizer's memory, the average, the point of rollbacks, the best so far. */
export function rememberedBytes(recipe: Recipe, layers: readonly TrainedLayer[]): number {
  const { trained } = parametersOf(layers);
  const average = recipe.emaDecay > 0 ? 4 * trained : 0;
  // The best is copied while the last one is still there.
  const best = validates(recipe) ? 8 * trained : 0;
  return optimizerBytes(recipe, layers) + average + pointBytes(recipe, layers) + best;
}
