/** @file What is said of a run: how it stands, its figures, its times. */
import { basename, join } from 'node:path';
import type { KeptRun, LonelyState, RunStatus } from '../../training/index.ts';
import { number, showSeconds } from '../../workbench/index.ts';

/** By its folder: one that was kept when another took its name has a date in it. */
export const runName = (folder: string): string => basename(folder).replace(/\.run$/, '');

/** A run whose process died says still that it runs. */
export function statusOf({ manifest, isRunning }: KeptRun): RunStatus {
  if (manifest.status === 'running' && !isRunning) return 'interrupted';
  return manifest.status;
}

export interface RunFacts {
  readonly name: string;
  readonly folder: string;
  readonly status: RunStatus;
  /** `--resume` can go on with it. */
  readonly isResumable: boolean;
  readonly step: number;
  readonly steps: number | null;
  /** The smoothed loss of the last step. */
  readonly loss: number | null;
  readonly best: { readonly step: number; readonly validation: number } | null;
  /** Unix seconds. */
  readonly startedAt: number;
  readonly finishedAt: number | null;
  readonly secondsPerStep: number | null;
  /** Not known of a run without a journal. */
  readonly base: string | null;
  readonly pictures: number | null;
  readonly device: string | null;
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}

/** The lowest validation loss; the first of equals. */
function bestOf({ validations }: KeptRun): RunFacts['best'] {
  let best: RunFacts['best'] = null;
  for (const { step, validation } of validations)
    if (best === null || validation < best.validation) best = { step, validation };
  return best;
}

export function factsOf(run: KeptRun): RunFacts {
  const { manifest, steps, folder, isResumable } = run;
  const planned = manifest.recipe.steps;
  const last = steps.at(-1);
  return {
    name: runName(folder),
    folder,
    status: statusOf(run),
    isResumable,
    step: last?.step ?? 0,
    steps: typeof planned === 'number' ? planned : null,
    loss: last?.smoothed ?? null,
    best: bestOf(run),
    startedAt: manifest.startedAt,
    finishedAt: manifest.finishedAt,
    secondsPerStep: median(steps.map(({ seconds }) => seconds)),
    base: manifest.base.name,
    pictures: manifest.data.pictures.length,
    device: manifest.device,
  };
}

/** What a run state alone tells. */
export const factsOfState = ({ path, step, startedAt }: LonelyState): RunFacts => ({
  ...{ name: basename(path).replace(/\.run-state$/, ''), folder: path, status: 'interrupted' },
  ...{ isResumable: true, step, steps: null, loss: null, best: null, startedAt, finishedAt: null },
  ...{ secondsPerStep: null, base: null, pictures: null, device: null },
});

/** `2026-11-26 18:27` in UTC. */
export const showTime = (unixSeconds: number): string =>
  new Date(1000 * unixSeconds).toISOString().slice(0, 16).replace('T', ' ');

export const showLoss = (loss: number | null): string => (loss === null ? '—' : number(loss));

export const showSteps = ({ step, steps }: Pick<RunFacts, 'step' | 'steps'>): string =>
  steps === null ? String(step) : `${step}/${steps}`;

export const showBest = ({ best }: Pick<RunFacts, 'best'>): string =>
  best === null ? '—' : `${number(best.validation)} at ${best.step}`;

/** How fast steps were; nothing where times are fixed. */
export const showPace = (secondsPerStep: number | null): string =>
  secondsPerStep
    ? `, ${secondsPerStep < 1 ? `${number(secondsPerStep)} s` : showSeconds(secondsPerStep)} a step`
    : '';

export const previewPath = ({ folder }: KeptRun, path: string): string => join(folder, path);
