/** @file What a run is made of, read, divided and encoded before its first step. */
import { asTheyAre, type DatasetScan, type TrainingItem } from '../dataset/index.ts';
import type { Checkpoint } from '../models/index.ts';
import { calmItem, captionsOf } from './batches.ts';
import { type CaptionTexts, openCaptionTexts } from './captions.ts';
import { dividePictures } from './divide.ts';
import { runFingerprint } from './fingerprint.ts';
import { kernelsOf } from './kernels.ts';
import { withNewWord } from './new-word.ts';
import { asTrained } from './objective/schedule.ts';
import { encodePictures, type PrepareOptions } from './prepare.ts';
import { classCaptions, openPrior, type Prior } from './prior.ts';
import type { Recipe } from './recipe/recipe.ts';
import { type RunState, runStatePath } from './run-state.ts';
import { loadRunState } from './state/generations.ts';
import type { RunPlan } from './train.ts';
import type { LoopInput } from './trainer.ts';

/** A base as a run sees it: with the new word, and trained for what the recipe says. */
export const baseOf = (checkpoint: Checkpoint, recipe: Recipe): Checkpoint =>
  withNewWord(asTrained(checkpoint, recipe), recipe);

export interface OpenRun {
  readonly plan: RunPlan;
  readonly checkpoint: Checkpoint;
  readonly fingerprint: string;
  readonly kernels: string;
  /** Pictures that are trained on. */
  readonly scan: DatasetScan;
  readonly items: readonly TrainingItem[];
  /** Pictures that the run is judged by. */
  readonly heldOut: readonly TrainingItem[];
  readonly texts: CaptionTexts;
  readonly prior: Prior | undefined;
  readonly input: LoopInput;
  release(): Promise<void>;
}

export interface FoundState {
  readonly state: RunState | undefined;
  /** The newest state was not whole, and the one before it is gone on from. */
  readonly damaged: boolean;
}

/** The state that a resumed run goes on from, with what is worth telling of it. */
export function findState(
  { request, out, prepare }: RunPlan,
  { fingerprint, kernels }: Pick<OpenRun, 'fingerprint' | 'kernels'>,
): FoundState {
  if (!request.resume) return { state: undefined, damaged: false };
  const statePath = runStatePath(out);
  const loaded = loadRunState(statePath, fingerprint);
  const warn = (code: string, message: string): void => prepare.onWarning?.({ code, message });
  if (loaded?.damage !== undefined) warn('RUN_STATE_DAMAGED', loaded.damage);
  const state = loaded?.state;
  if (!state) warn('RUN_STATE_MISSING', `there is no run state ${statePath}; the run starts at step 0`);
  if (state?.kernels !== undefined && state.kernels !== kernels) {
    const message = `the run so far was computed on ${state.kernels}, the rest is on ${kernels}: its numbers may differ in their last digits`;
    warn('KERNELS_CHANGED', message);
  }
  return { state, damaged: loaded?.damage !== undefined };
}

/** What decides whether a run state belongs to the run; told before anything is encoded. */
export async function identifyRun(plan: RunPlan) {
  const { request, recipe, layers, scan, prepare } = plan;
  const checkpoint = baseOf(request.checkpoint, recipe);
  const division = await dividePictures(scan, prepare);
  const measured = recipe.validationFolder === null ? [] : (division.heldOut?.pictures ?? []);
  const all = { ...scan, pictures: [...scan.pictures, ...measured] };
  const fingerprint = runFingerprint(recipe, all, checkpoint, layers, request.from);
  return { checkpoint, division, fingerprint, kernels: kernelsOf(checkpoint, request.session ?? {}) };
}

/** Encodes pictures and captions, and opens the teacher where there is one. */
export async function openRun(
  plan: RunPlan,
  identity: Awaited<ReturnType<typeof identifyRun>>,
): Promise<OpenRun> {
  const { request, recipe, layers } = plan;
  const { checkpoint, division } = identity;
  const prepare: PrepareOptions = { ...plan.prepare, checkpoint };
  const { session = {}, frugal = false } = request;
  const items = await encodePictures(division.training, prepare);
  const heldOut = division.heldOut ? await encodePictures(asTheyAre(division.heldOut), prepare) : [];
  const { captions, longest } = captionsOf(items, checkpoint);
  const others = [...heldOut.map(item => calmItem(item).caption), ...classCaptions(items, recipe)];
  const texts = await openCaptionTexts([...captions, ...others], { ...prepare, longest }, layers);
  const input = { checkpoint, recipe, layers, items, texts, session, frugal };
  const prior =
    recipe.priorPreservation > 0
      ? await openPrior(
          { ...input, teacher: request.checkpoint },
          { ...prepare, checkpoint: request.checkpoint },
        )
      : undefined;
  const { fingerprint, kernels } = identity;
  return {
    ...{ plan, checkpoint, fingerprint, kernels, items, heldOut, texts, prior },
    scan: division.training,
    input: { ...input, prior },
    async release() {
      await prior?.release();
      await texts.release();
    },
  };
}
