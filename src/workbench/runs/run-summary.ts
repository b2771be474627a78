/** @file What a training run has come to, as plain data. */
import type { TrainResult } from '../../training/index.ts';

/** The result of a run for programs. */
export function runSummary({ state, recipe, stepSeconds, stepsRun, file, ...rest }: TrainResult) {
  const lastLosses = state.losses.slice(-20);
  return {
    finished: rest.finished,
    file: file?.path ?? null,
    fileBytes: file?.bytes ?? null,
    hash: file?.hash ?? null,
    bestFile: rest.bestFile?.path ?? null,
    bestStep: state.best?.step ?? null,
    looks: state.looks,
    stopped: rest.stopped ?? null,
    verdict: rest.verdict ?? null,
    heldOut: rest.heldOut,
    examined: rest.examined ?? null,
    journal: rest.journal,
    runState: rest.statePath ?? null,
    steps: state.step,
    stepsPerSecond: stepsRun > 0 ? stepsRun / stepSeconds : null,
    overheadShare: rest.overheadShare ?? null,
    secondsToFirstStep: rest.secondsToFirstStep ?? null,
    lossOfLastSteps: lastLosses.reduce((a, b) => a + b, 0) / Math.max(1, lastLosses.length),
    trainedParameters: rest.trainedParameters,
    pictures: rest.scan.pictures.length,
    skipped: rest.scan.skipped,
    warnings: rest.warnings,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    recipe,
  };
}
