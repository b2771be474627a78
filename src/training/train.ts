/** @file A whole run: pictures in, LoRA file out; everything that can go wrong is found before the first step. */
import { basename, dirname, resolve } from 'node:path';
import type { DatasetScan, DatasetWarning } from '../dataset/index.ts';
import type { SessionOptions } from '../engine/index.ts';
import { ensureWritableFolder, lockFile, removeLeftovers } from '../files/index.ts';
import type { LoraWeights, TrainedLayer } from '../lora/index.ts';
import type { Checkpoint } from '../models/index.ts';
import type { Examined } from './after/examine.ts';
import { now } from './clock.ts';
import { examineRun, type OpenDrawing } from './examine-run.ts';
import { followRun, type RunEnd } from './follow-run.ts';
import type { FinishedRun } from './journal/journal.ts';
import { baseModelEntries } from './metadata/base-hashes.ts';
import type { LoraCard } from './metadata/modelspec-entries.ts';
import { findState, identifyRun, type OpenRun, openRun } from './open-run.ts';
import { checkNothingReplaced, checkOutName, countParameters, ensureSpaceForRun } from './outputs.ts';
import { adviseOnScan, planRun } from './plan-run.ts';
import { type PrepareOptions, scanPictures, surveyBuckets } from './prepare.ts';
import type { PreviewOptions } from './previews/previews.ts';
import type { GivenRecipe, Recipe } from './recipe/recipe.ts';
import { type RunState, runStatePath } from './run-state.ts';
import { findStepsOf, forgetFolds } from './small-set.ts';
import { newRunState, runLoop, type StepReport } from './trainer.ts';
import type { Look } from './validation/look.ts';

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
      readonly heldOut: number;
    }
  | ({ readonly phase: 'step'; readonly steps: number; readonly secondsLeft: number } & StepReport)
  /** Held-out pictures were looked at. */
  | { readonly phase: 'look'; readonly look: Look; readonly isBest: boolean; readonly reason: string }
  /** Short runs that look for the number of steps. */
  | { readonly phase: 'folds'; readonly done: number; readonly total: number }
  /** The finished LoRA is examined. */
  | { readonly phase: 'examining' }
  /** A sheet of previews was drawn. */
  | { readonly phase: 'preview'; readonly path: string }
  | { readonly phase: 'saved'; readonly path: string };

/** How previews are drawn: by what draws pictures later, which training knows nothing of. */
export type PreviewDrawing = Pick<PreviewOptions, 'requests' | 'draw' | 'drawSheet'>;

export interface TrainRequest {
  /** Folders of pictures. */
  readonly data: string | readonly string[];
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
  /** Pictures on the way, when the recipe asks for them. */
  readonly previews?: PreviewDrawing;
  /** Whether the finished LoRA is examined: true unless said. */
  readonly examine?: boolean;
  /** With it pictures are drawn and compared too, when the LoRA is examined. */
  readonly drawWith?: OpenDrawing;
  readonly onProgress?: (progress: Progress) => void;
  /** Waited for before every step: others have the machine meanwhile. Its time counts as no step's. */
  readonly betweenSteps?: () => Promise<void>;
  /** Aborting saves the run state after the step in progress. */
  readonly signal?: AbortSignal;
}

export interface TrainResult extends RunEnd {
  readonly finished: boolean;
  readonly state: RunState;
  readonly recipe: Recipe;
  readonly scan: DatasetScan;
  /** Those of the scan and those met later. */
  readonly warnings: readonly DatasetWarning[];
  /** What the LoRA does, leaks and moves; undefined where that was not asked, or the run is not over. */
  readonly examined: Examined | undefined;
  /** Pictures that the run was judged by. */
  readonly heldOut: number;
  /** The folder of the run's journal. */
  readonly journal: string;
  /** Where an unfinished run goes on from; undefined when nothing is worth keeping. */
  readonly statePath: string | undefined;
  /** Seconds spent in steps of this process, and how many. */
  readonly stepSeconds: number;
  readonly stepsRun: number;
  /** From the start of the program to the end of the first step. */
  readonly secondsToFirstStep: number | undefined;
  /** Time of steps outside the model (data, optimizer, journal, saving) over that inside; undefined where none counts. */
  readonly overheadShare: number | undefined;
  readonly trainedParameters: number;
}

/** What is known of a run once its pictures are scanned and its output is locked. */
export interface RunPlan {
  readonly request: TrainRequest;
  readonly out: string;
  /** The name of the LoRA. */
  readonly title: string;
  readonly recipe: Recipe;
  readonly layers: readonly TrainedLayer[];
  /** All pictures, those that will be held out too. */
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
  const { recipe, layers, advice } = planRun(request.checkpoint, request.recipe);
  checkNothingReplaced(out, recipe, request.resume);
  const warnings: DatasetWarning[] = [];
  const prepare = prepareOptions(request, recipe, warnings);
  for (const one of advice) prepare.onWarning?.(one);
  const scan = await scanPictures(request.data, prepare);
  warnings.push(...scan.warnings);
  request.onProgress?.({ phase: 'scanned', scan });
  for (const one of adviseOnScan(request.checkpoint, recipe, scan)) prepare.onWarning?.(one);
  await ensureWritableFolder(dirname(out));
  const unlock = await lockFile(out);
  let isLocked = true;
  const release = async (): Promise<void> => {
    if (isLocked) await unlock();
    isLocked = false;
  };
  try {
    // Another run may have finished between the first look and the lock.
    const { batchesPerEpoch } = surveyBuckets(scan, recipe);
    checkNothingReplaced(out, recipe, request.resume, batchesPerEpoch);
    for (const path of [out, runStatePath(out)]) await removeLeftovers(path);
    await ensureSpaceForRun(out, recipe, layers, batchesPerEpoch);
    const title = basename(out, '.safetensors');
    return await trainLocked({ request, out, title, recipe, layers, scan, warnings, prepare }, release);
  } finally {
    await release();
  }
}

/** Trains; `release` gives the lock back when all is written. */
async function trainLocked(plan: RunPlan, release: () => Promise<void>): Promise<TrainResult> {
  const { request, out, recipe, layers, warnings } = plan;
  const identity = await identifyRun(plan);
  const found = findState(plan, identity);
  const run = await openRun(plan, identity);
  try {
    const start = found.state ?? (await newRunState(run.input, run.fingerprint, now(), request.from));
    const state = { ...start, kernels: run.kernels };
    request.onProgress?.({
      ...{ phase: 'start', scan: run.scan, recipe, layers: layers.length, resumedAt: state.step },
      heldOut: run.heldOut.length,
    });
    const steps = recipe.leaveOut > 0 ? await findStepsOf(run) : undefined;
    const follower = await followRun(run, state, found, steps);
    const end = await follow(run, state, follower);
    if (end.file) await forgetFolds(out);
    await release();
    if (end.file) request.onProgress?.({ phase: 'examining' });
    const examined = end.file ? await examineRun(run, state) : undefined;
    const { seconds, journal, outside, firstStepAt } = follower;
    return {
      ...{ ...end, finished: end.file !== undefined, state, recipe, scan: run.scan, warnings },
      ...{ heldOut: run.heldOut.length, journal: journal.folder, examined },
      statePath: !end.file && state.step > 0 ? runStatePath(out) : undefined,
      stepSeconds: seconds.reduce((a, b) => a + b, 0),
      stepsRun: seconds.length,
      overheadShare: outside.share(),
      secondsToFirstStep: firstStepAt(),
      trainedParameters: countParameters(layers),
    };
  } finally {
    await run.release();
  }
}

/** Runs the loop to its end, with all that follows it. */
async function follow(
  run: OpenRun,
  state: RunState,
  { control, saver, journal, begin, end, release }: Awaited<ReturnType<typeof followRun>>,
): Promise<RunEnd> {
  const finish = (
    status: FinishedRun['status'],
    facts: Partial<FinishedRun['result']>,
    baseHashes = {},
  ): Promise<void> => journal.finish({ status, result: { steps: state.step, ...facts }, baseHashes });
  try {
    const reached = await saver.guard(async () => {
      await begin();
      await runLoop(run.input, state, control);
      return end();
    });
    const { file, bestFile, stopped, verdict } = reached;
    const recent = state.losses.slice(-20);
    const baseHashes = file ? await baseModelEntries(run.checkpoint) : {};
    await finish(
      file ? (stopped === undefined ? 'finished' : 'stopped early') : 'interrupted',
      {
        loss: recent.reduce((sum, loss) => sum + loss / recent.length, 0),
        ...{ bestStep: state.best?.step ?? null, bestValidation: state.best?.loss ?? null },
        ...{ file: file ? basename(file.path) : null, hash: file?.hash ?? null },
        ...{ bestFile: bestFile ? basename(bestFile.path) : null, message: stopped ?? verdict ?? null },
      },
      baseHashes,
    );
    return reached;
  } catch (error) {
    await finish('failed', { message: error instanceof Error ? error.message : String(error) });
    throw error;
  } finally {
    await release();
  }
}
