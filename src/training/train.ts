/** @file A whole run: pictures in, LoRA file out; everything that can go wrong is found before the first step. */
import { dirname, resolve } from 'node:path';
import type { DatasetScan, DatasetWarning } from '../dataset/index.ts';
import type { SessionOptions } from '../engine/index.ts';
import { ensureWritableFolder, lockFile, removeLeftovers } from '../files/index.ts';
import type { LoraWeights, TrainedLayer } from '../lora/index.ts';
import type { Checkpoint } from '../models/index.ts';
import { openCaptionTexts } from './captions.ts';
import { now } from './clock.ts';
import { runFingerprint } from './fingerprint.ts';
import { kernelsOf } from './kernels.ts';
import type { LoraCard } from './metadata/modelspec-entries.ts';
import { checkNothingReplaced, checkOutName, countParameters, ensureSpaceForRun } from './outputs.ts';
import { planRun } from './plan-run.ts';
import { encodePictures, type PrepareOptions, scanPictures, surveyBuckets } from './prepare.ts';
import type { GivenRecipe, Recipe } from './recipe/recipe.ts';
import { type RunState, runStatePath } from './run-state.ts';
import { openSaver } from './saver.ts';
import { loadRunState } from './state/generations.ts';
import { openStepTimes } from './step-times.ts';
import { newRunState, runLoop, type StepReport } from './trainer.ts';
import type { WrittenLora } from './write-lora.ts';

export type Progress =
  | { readonly phase: 'scan' | 'latents' | 'captions'; readonly done: number; readonly total: number }
  | { readonly phase: 'scanned'; readonly scan: DatasetScan }
  | { readonly phase: 'warning'; readonly warning: DatasetWarning }
  | {
      readonly phase: 'start';
      readonly scan: DatasetScan;
      readonly recipe: Recipe;
      readonly layers: number;
      readonly resumedAt: number;
    }
  | ({ readonly phase: 'step'; readonly steps: number; readonly secondsLeft: number } & StepReport)
  | { readonly phase: 'saved'; readonly path: string };

export interface TrainRequest {
  readonly folder: string;
  readonly checkpoint: Checkpoint;
  readonly recipe: GivenRecipe;
  /** What its maker says of the LoRA; goes into the file. */
  readonly card?: LoraCard;
  /** LoRAs that the run stands on, in words, for the file: `goes on from hero`. */
  readonly origins?: readonly string[];
  /** A LoRA to go on from; the recipe is made for it by `recipeFrom`. */
  readonly from?: LoraWeights;
  /** The .safetensors file to write. */
  readonly out: string;
  readonly resume: boolean;
  readonly session?: SessionOptions;
  /** Memory is scarce: what is not needed for the step at hand is closed, and opened again later. */
  readonly frugal?: boolean;
  /** Latents are kept here between runs; none when undefined. */
  readonly cacheFolder?: string;
  readonly onProgress?: (progress: Progress) => void;
  /** Aborting saves the run state after the step in progress. */
  readonly signal?: AbortSignal;
}

export interface TrainResult {
  readonly finished: boolean;
  readonly state: RunState;
  readonly recipe: Recipe;
  readonly scan: DatasetScan;
  /** Those of the scan and those met later. */
  readonly warnings: readonly DatasetWarning[];
  readonly file: WrittenLora | undefined;
  /** Where an unfinished run goes on from; undefined when nothing is worth keeping. */
  readonly statePath: string | undefined;
  /** Seconds spent in steps of this process, and how many. */
  readonly stepSeconds: number;
  readonly stepsRun: number;
  readonly trainedParameters: number;
}

/** What is known of a run once its pictures are scanned and its output is locked. */
interface OpenRun {
  readonly request: TrainRequest;
  readonly out: string;
  readonly recipe: Recipe;
  readonly layers: readonly TrainedLayer[];
  readonly scan: DatasetScan;
  readonly warnings: DatasetWarning[];
  readonly prepare: PrepareOptions;
}

function prepareOptions(request: TrainRequest, recipe: Recipe, warnings: DatasetWarning[]): PrepareOptions {
  const { checkpoint, session, cacheFolder, signal, onProgress, frugal = false } = request;
  return {
    checkpoint,
    recipe,
    frugal,
    ...(session ? { session } : {}),
    ...(cacheFolder ? { cacheFolder } : {}),
    ...(signal ? { signal } : {}),
    onCount: (phase, done, total) => onProgress?.({ phase, done, total }),
    onWarning: warning => {
      warnings.push(warning);
      onProgress?.({ phase: 'warning', warning });
    },
  };
}

/** Trains a LoRA; see TrainRequest. The lock on `out` keeps a second run away from it. */
export async function train(request: TrainRequest): Promise<TrainResult> {
  checkOutName(request.out);
  const out = resolve(request.out);
  const { recipe, layers } = planRun(request.checkpoint, request.recipe);
  checkNothingReplaced(out, recipe, request.resume);
  const warnings: DatasetWarning[] = [];
  const prepare = prepareOptions(request, recipe, warnings);
  const scan = await scanPictures(request.folder, prepare);
  warnings.push(...scan.warnings);
  request.onProgress?.({ phase: 'scanned', scan });
  await ensureWritableFolder(dirname(out));
  const release = await lockFile(out);
  try {
    // Another run may have finished between the first look and the lock.
    const { batchesPerEpoch } = surveyBuckets(scan, recipe);
    checkNothingReplaced(out, recipe, request.resume, batchesPerEpoch);
    for (const path of [out, runStatePath(out)]) await removeLeftovers(path);
    await ensureSpaceForRun(out, recipe, layers, batchesPerEpoch);
    return await trainLocked({ request, out, recipe, layers, scan, warnings, prepare });
  } finally {
    await release();
  }
}

/** The time left is told from this many steps; their median, because some steps open a session first. */
const recentSteps = 31;

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

async function trainLocked(run: OpenRun): Promise<TrainResult> {
  const { request, out, recipe, layers, scan, prepare } = run;
  const { checkpoint, signal, onProgress } = request;
  const statePath = runStatePath(out);
  const fingerprint = runFingerprint(recipe, scan, checkpoint, layers, request.from);
  const loaded = request.resume ? loadRunState(statePath, fingerprint) : undefined;
  const found = loaded?.state;
  if (loaded?.damage !== undefined)
    prepare.onWarning?.({ code: 'RUN_STATE_DAMAGED', message: loaded.damage });
  if (request.resume && !found) {
    const message = `there is no run state ${statePath}; the run starts at step 0`;
    prepare.onWarning?.({ code: 'RUN_STATE_MISSING', message });
  }
  const { session = {}, frugal = false } = request;
  const kernels = kernelsOf(checkpoint, session);
  if (found?.kernels !== undefined && found.kernels !== kernels) {
    const message = `the run so far was computed on ${found.kernels}, the rest is on ${kernels}: its numbers may differ in their last digits`;
    prepare.onWarning?.({ code: 'KERNELS_CHANGED', message });
  }
  const items = await encodePictures(scan, prepare);
  const texts = await openCaptionTexts(
    items.map(({ caption }) => caption),
    prepare,
    layers,
  );
  const input = { checkpoint, recipe, layers, items, texts, session, frugal };
  const state = { ...(found ?? (await newRunState(input, fingerprint, now(), request.from))), kernels };
  onProgress?.({ phase: 'start', scan, recipe, layers: layers.length, resumedAt: state.step });
  const saver = openSaver(
    {
      checkpoint,
      recipe,
      layers,
      state,
      scan,
      items,
      card: request.card ?? {},
      origins: request.origins ?? [],
    },
    {
      ...{ out, resume: request.resume, damaged: loaded?.damage !== undefined },
      onSaved: path => onProgress?.({ phase: 'saved', path }),
      onWarning: prepare.onWarning,
    },
  );
  const times = openStepTimes();
  const seconds: number[] = [];
  const onStep = async (report: StepReport): Promise<void> => {
    seconds.push(report.seconds);
    const secondsLeft = median(seconds.slice(-recentSteps)) * (recipe.steps - report.step);
    onProgress?.({ phase: 'step', steps: recipe.steps, secondsLeft, ...report });
    const jump = times.push(report.seconds, report.opened);
    if (jump) prepare.onWarning?.({ code: 'STEPS_SLOWED_DOWN', message: jump });
    await saver.afterStep();
  };
  const file = await saver.guard(async () => {
    await runLoop(input, state, {
      ...{ signal, onStep },
      onRollback: ({ action }, message) =>
        prepare.onWarning?.({ code: action === 'skip' ? 'STEP_LEFT_OUT' : 'RATE_LOWERED', message }),
    });
    return saver.finish();
  });
  const unfinished = !file && state.step > 0;
  return {
    ...{ finished: file !== undefined, state, recipe, scan, warnings: run.warnings, file },
    statePath: unfinished ? statePath : undefined,
    stepSeconds: seconds.reduce((a, b) => a + b, 0),
    stepsRun: seconds.length,
    trainedParameters: countParameters(layers),
  };
}
