/** @file What a run leaves on disk: saves on the way, the run state, the LoRA. */
import { rmSync } from 'node:fs';
import { LoraError } from '../errors.ts';
import { isSaveDue, savePath } from './outputs.ts';
import { runStatePath, saveRunState } from './run-state.ts';
import { type TrainedRun, type WrittenLora, writeTrainedLora } from './write-lora.ts';

export interface SaverOptions {
  /** The LoRA file to write in the end. */
  readonly out: string;
  /** A resumed run may write its saves on the way again. */
  readonly resume: boolean;
  readonly onSaved?: ((path: string) => void) | undefined;
}

export interface Saver {
  /** Saves what is due after a step. */
  afterStep(): Promise<void>;
  /** Writes the LoRA when all steps are done; else the run state, if there is anything in it. */
  finish(): Promise<WrittenLora | undefined>;
  /** Does `work`; when a file cannot be written in it, tries to keep the steps so far as a run state. */
  guard<Result>(work: () => Promise<Result>): Promise<Result>;
}

/** A crash loses at most this much work. */
const stateEveryMilliseconds = 60_000;

function withResumeHint(error: LoraError): LoraError {
  const hint = `${error.hint ?? ''} The steps so far are kept; --resume goes on with them.`.trim();
  return new LoraError(error.code, error.message, { hint, exit: error.exit, cause: error });
}

export function openSaver(trained: TrainedRun, { out, resume, onSaved }: SaverOptions): Saver {
  const { state, recipe } = trained;
  const statePath = runStatePath(out);
  let lastState = performance.now();
  return {
    async afterStep() {
      if (isSaveDue(recipe, state.step)) {
        const path = savePath(out, state.step);
        await writeTrainedLora(path, trained, { keepExisting: !resume });
        onSaved?.(path);
      }
      if (performance.now() - lastState < stateEveryMilliseconds || state.step === recipe.steps) return;
      await saveRunState(statePath, state);
      lastState = performance.now();
    },
    async finish() {
      if (state.step === recipe.steps) {
        const file = await writeTrainedLora(out, trained, { keepExisting: true });
        rmSync(statePath, { force: true });
        return file;
      }
      if (state.step > 0) await saveRunState(statePath, state);
      return undefined;
    },
    async guard(work) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof LoraError) || !error.code.startsWith('WRITE_') || state.step === 0)
          throw error;
        const kept = await saveRunState(statePath, state).then(
          () => true,
          () => false,
        );
        throw kept ? withResumeHint(error) : error;
      }
    },
  };
}
