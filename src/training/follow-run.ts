/** @file What happens beside the steps of a run: it is written down, judged, shown, saved, and stopped when it should. */
import { existsSync } from 'node:fs';
import type { Tensor } from '../engine/index.ts';
import { batchesPerEpoch } from './batches.ts';
import { openJournal } from './journal/journal.ts';
import { manifestOf } from './journal/manifest.ts';
import { openPartRates } from './journal/part-rates.ts';
import type { TrainedRun } from './metadata/lora-metadata.ts';
import type { FoundState, OpenRun } from './open-run.ts';
import { openOptimizer } from './optimizers/optimizer.ts';
import { bestPath } from './outputs.ts';
import { isPreviewDue } from './previews/due.ts';
import { openPreviews } from './previews/previews.ts';
import { type RunState, writtenParameters } from './run-state.ts';
import { openSaver } from './saver.ts';
import { median, openStepTimes } from './step-times.ts';
import type { LoopControl, StepReport } from './trainer.ts';
import type { FoundSteps } from './validation/leave-out.ts';
import { looksOf, noteLook } from './validation/look.ts';
import { decide, sumUp } from './validation/stopping.ts';
import { openValidator } from './validation/validator.ts';
import { loraOf, type WrittenLora, writeTrainedLora } from './write-lora.ts';

export interface RunEnd {
  /** The LoRA of the last step; undefined where the run was interrupted. */
  readonly file: WrittenLora | undefined;
  /** The LoRA of the best step, where that is another one. */
  readonly bestFile: WrittenLora | undefined;
  /** Why a run ended before its last step. */
  readonly stopped: string | undefined;
  /** What the looks at held-out pictures say in the end. */
  readonly verdict: string | undefined;
}

/** The time left is told from this many steps; their median, because some steps open a session first. */
const recentSteps = 31;

/**
 * What steps take beside the model's work: data, optimizer, journal and saving. Looks, previews and steps that open a
 * session do not count: they are work of their own.
 */
function openOverhead() {
  let [model, other] = [0, 0];
  return {
    add({ seconds, modelSeconds, opened }: StepReport, afterwards: number): void {
      if (opened) return;
      model += modelSeconds;
      other += seconds - modelSeconds + afterwards;
    },
    /** Over the time of the model; undefined where no step counts. */
    share: (): number | undefined => (model > 0 ? other / model : undefined),
  };
}

/** Opens all that follows a run; `control` is what its loop is run with. */
export async function followRun(
  run: OpenRun,
  state: RunState,
  { damaged, state: before }: FoundState,
  /** The number of steps that short runs found. */
  found?: FoundSteps,
) {
  const { plan, checkpoint, scan, items, heldOut, texts, kernels, fingerprint } = run;
  const { request, recipe, layers, out, prepare } = plan;
  const { onProgress, signal, session = {}, frugal = false, card = {}, origins = [] } = request;
  const trained: TrainedRun = {
    ...{ checkpoint, recipe, layers, state, scan, items, card, origins, heldOut: heldOut.length },
  };
  const optimizer = openOptimizer(recipe);
  const perEpoch = batchesPerEpoch(items, recipe.batch);
  const written = (): ReadonlyMap<string, Tensor> => writtenParameters(state, optimizer);
  const journal = await openJournal({
    ...{ out, resumeAt: before?.step },
    manifest: manifestOf({ scan, recipe, checkpoint, device: kernels, fingerprint }),
    onWarning: message => prepare.onWarning?.({ code: 'JOURNAL_STOPPED', message }),
    onSetAside: folder =>
      prepare.onWarning?.({ code: 'JOURNAL_SET_ASIDE', message: `an older journal is kept as ${folder}` }),
  });
  const warn = (code: string, message: string): void => {
    journal.event(code, message);
    prepare.onWarning?.({ code, message });
  };
  const saver = openSaver(trained, {
    ...{ out, resume: request.resume, damaged, beforeState: () => journal.flush() },
    onSaved: path => onProgress?.({ phase: 'saved', path }),
    onWarning: ({ code, message }) => warn(code, message),
  });
  const validator =
    heldOut.length > 0
      ? openValidator({
          ...{ checkpoint, recipe, layers, items: heldOut, texts, session, frugal },
          batchesPerEpoch: perEpoch,
        })
      : undefined;
  const previews =
    request.previews &&
    openPreviews({
      ...request.previews,
      title: plan.title,
      journal,
      onWarning: m => warn('PREVIEW_FAILED', m),
    });
  const ratesOf = openPartRates(layers);
  const times = openStepTimes();
  const seconds: number[] = [];
  const outside = openOverhead();
  let firstStep: number | undefined;
  const stop = new AbortController();
  let stopped: string | undefined;

  const stopFor = (reason: string): void => {
    stopped = reason;
    stop.abort();
  };
  const decideOn = (): string => {
    const { go, reason } = decide(looksOf(state), recipe);
    if (go === 'stop') stopFor(reason);
    return reason;
  };
  const look = async (): Promise<void> => {
    if (!validator || state.looks.at(-1)?.step === state.step) return;
    const parameters = written();
    const seen = await validator.look(parameters, state.frozen, state.step);
    const isBest = noteLook(state, seen, parameters);
    journal.validation({ ...seen, isBest });
    onProgress?.({ phase: 'look', look: seen, isBest, reason: decideOn() });
    if (stopped !== undefined) journal.event('stopped', stopped);
  };
  const preview = async (step: number): Promise<void> => {
    const stepsPerEpoch = perEpoch / recipe.accumulate;
    if (!previews || !isPreviewDue(recipe, step, { stepsPerEpoch, lastStep: recipe.steps })) return;
    const path = await previews.draw(step, loraOf(trained, written(), state.frozen), { signal });
    if (path !== undefined) onProgress?.({ phase: 'preview', path });
  };
  const onStep = async (report: StepReport): Promise<void> => {
    const told = performance.now();
    firstStep ??= told / 1000;
    seconds.push(report.seconds);
    const secondsLeft = median(seconds.slice(-recentSteps)) * (recipe.steps - report.step);
    const rates = ratesOf(report.rate);
    journal.step({ ...report, ...(rates ? { rates } : {}) });
    onProgress?.({ phase: 'step', steps: recipe.steps, secondsLeft, ...report });
    const jump = times.push(report.seconds, report.opened);
    if (jump) warn('STEPS_SLOWED_DOWN', jump);
    const before = performance.now();
    if (validator?.isDue(report.step)) await look();
    if (found && report.step >= found.steps) stopFor(found.reason);
    await preview(report.step);
    const after = performance.now();
    await saver.afterStep();
    outside.add(report, (before - told + (performance.now() - after)) / 1000);
  };
  const control: LoopControl = {
    signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal,
    betweenSteps: request.betweenSteps,
    onStep,
    onRollback: ({ action, backTo }, message) => {
      journal.rewind(backTo);
      warn(action === 'skip' ? 'STEP_LEFT_OUT' : 'RATE_LOWERED', message);
    },
  };
  /** The best of the run beside its last, where they differ. */
  const writeBest = async (): Promise<WrittenLora | undefined> => {
    const { best } = state;
    if (!best || best.step === state.step || best.step === 0) return undefined;
    const path = bestPath(out);
    const ofBest = { ...trained, state: { ...state, step: best.step } };
    return writeTrainedLora(path, ofBest, {
      parameters: best.parameters,
      keepExisting: !request.resume || !existsSync(path),
    });
  };
  return {
    control,
    saver,
    journal,
    seconds,
    outside,
    /** Seconds from the start of the program to the end of the first step. */
    firstStepAt: (): number | undefined => firstStep,
    /** Looks at the base before the first step; a run that was to stop, and ended before its file was written, stops. */
    async begin(): Promise<void> {
      if (found && state.step >= found.steps) stopFor(found.reason);
      else if (state.step === 0) await look();
      else if (state.looks.length > 0) decideOn();
    },
    /** Writes what the run has come to. */
    async end(): Promise<RunEnd> {
      const isDone = state.step === recipe.steps || stopped !== undefined;
      if (isDone && stopped === undefined) await look();
      const bestFile = isDone ? await writeBest() : undefined;
      const file = await saver.finish(stopped === undefined ? undefined : { parameters: written() });
      const verdict = isDone ? sumUp(looksOf(state)) : undefined;
      return { file, bestFile, stopped, verdict };
    },
    async release(): Promise<void> {
      await validator?.release();
    },
  };
}
