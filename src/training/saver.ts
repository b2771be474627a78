/** @file What a run leaves on disk: saves on the way, the run state, the LoRA. */

import { existsSync } from 'node:fs';
import type { Tensor } from '../engine/index.ts';
import { LoraError } from '../errors.ts';
import { disk } from '../files/index.ts';
import { batchesPerEpoch } from './batches.ts';
import { openOptimizer } from './optimizers/optimizer.ts';
import { memoryError } from './out-of-memory.ts';
import { isOfSameRun, savesOnTheWay } from './outputs.ts';
import { runStatePath, writtenParameters } from './run-state.ts';
import { removeRunStates, saveRunState } from './state/generations.ts';
import { openSavePace } from './state/save-pace.ts';
import { baseFiles, checkBase, watchFiles } from './watch-files.ts';
import { type TrainedRun, type WrittenLora, writeTrainedLora } from './write-lora.ts';

export interface SaverOptions {
  /** The LoRA file to write in the end. */
  readonly out: string;
  /** A resumed run may write its saves on the way again. */
  readonly resume: boolean;
  /** The newest state was found damaged: the one before it is kept. */
  readonly damaged?: boolean;
  readonly onSaved?: ((path: string) => void) | undefined;
  readonly onWarning?: ((warning: { readonly code: string; readonly message: string }) => void) | undefined;
  /** Runs before a state is saved: what must not be behind it. */
  readonly beforeState?: (() => Promise<void>) | undefined;
}

export interface Saver {
  /** Saves what is due after a step. */
  afterStep(): Promise<void>;
  /** Writes the LoRA when all steps are done, or `early`; else the run state, if there is anything in it. */
  finish(early?: { readonly parameters: ReadonlyMap<string, Tensor> }): Promise<WrittenLora | undefined>;
  /** Does `work`; when disk or memory fail it, tries to keep the steps so far as a run state. */
  guard<Result>(work: () => Promise<Result>): Promise<Result>;
}

function withResumeHint(error: LoraError): LoraError {
  const hint = `${error.hint ?? ''} The steps so far are kept; --resume goes on with them.`.trim();
  return new LoraError(error.code, error.message, { hint, exit: error.exit, cause: error });
}

export function openSaver(trained: TrainedRun, options: SaverOptions): Saver {
  const { out, resume, onSaved, onWarning, beforeState } = options;
  const { state, recipe, checkpoint, items, scan } = trained;
  const statePath = runStatePath(out);
  const optimizer = openOptimizer(recipe);
  const saves = savesOnTheWay(out, recipe, batchesPerEpoch(items, recipe.batch));
  const pace = openSavePace(recipe);
  const base = watchFiles(baseFiles(checkpoint));
  const pictures = watchFiles(scan.pictures.map(({ path }) => path));
  /** A LoRA that this run wrote before it ended may be written again. */
  const isOwn = resume && existsSync(out) && isOfSameRun(out);
  let damaged = options.damaged ?? false;
  let keptStep = resume && state.step > 0 ? state.step : undefined;
  let tellsOfPictures = true;

  const lookAtPictures = (): void => {
    const changed = tellsOfPictures ? pictures.changed() : [];
    if (changed.length === 0) return;
    tellsOfPictures = false;
    const more = changed.length > 1 ? ` and ${changed.length - 1} more` : '';
    const message = `${changed[0].path}${more} changed since the run began; it goes on with what it read`;
    onWarning?.({ code: 'PICTURES_CHANGED', message });
  };
  const saveState = async (): Promise<void> => {
    checkBase(base, 'changed', keptStep);
    const started = performance.now();
    await beforeState?.();
    await saveRunState(statePath, state, { damaged });
    pace.saved((performance.now() - started) / 1000);
    damaged = false;
    keptStep = state.step;
    checkBase(base, 'gone', keptStep);
    lookAtPictures();
  };
  /** What cannot be deleted is only in the way. */
  const tidy = (work: Promise<void>): Promise<void> =>
    work.catch((error: Error) => onWarning?.({ code: 'NOT_DELETED', message: error.message }));
  const removeOlderSaves = async (): Promise<void> => {
    if (recipe.keepSaves === 0) return;
    const older = saves.filter(({ step }) => step <= state.step).slice(0, -recipe.keepSaves);
    for (const { path } of older) await tidy(disk.rm(path, { force: true }));
  };
  return {
    async afterStep() {
      for (const { path } of saves.filter(({ step }) => step === state.step)) {
        // Killed after this save, the run must be found again: it would not be begun anew beside its own files.
        if (keptStep === undefined) await saveState();
        checkBase(base, 'changed', keptStep);
        const parameters = writtenParameters(state, optimizer);
        await writeTrainedLora(path, trained, { keepExisting: !resume, parameters });
        onSaved?.(path);
        await removeOlderSaves();
      }
      if (state.step < recipe.steps && pace.isDue(state.step)) await saveState();
    },
    async finish(early) {
      if (state.step === recipe.steps || early) {
        checkBase(base, 'changed', keptStep);
        lookAtPictures();
        const parameters = early?.parameters ?? writtenParameters(state, optimizer);
        const file = await writeTrainedLora(out, trained, { keepExisting: !isOwn, parameters });
        await tidy(removeRunStates(statePath));
        return file;
      }
      if (state.step > 0) await saveState();
      return undefined;
    },
    async guard(work) {
      try {
        return await work();
      } catch (cause) {
        const error = memoryError(cause);
        const isOfMachine =
          error instanceof LoraError && (error.code.startsWith('WRITE_') || error.code === 'OUT_OF_MEMORY');
        if (!isOfMachine || state.step === 0) throw error;
        const kept = await saveState().then(
          () => true,
          () => false,
        );
        throw kept ? withResumeHint(error) : error;
      }
    },
  };
}
