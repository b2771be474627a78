/** @file A whole run: pictures in, LoRA file out; everything that can go wrong is found before the first step. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type DatasetScan, encodeDataset, scanFolder, type TrainingItem } from '../dataset/index.ts';
import type { SessionOptions } from '../engine/index.ts';
import { usageError } from '../errors.ts';
import { ensureWritableFolder, lockFile } from '../files/index.ts';
import { checkRank, chooseTargets } from '../lora/index.ts';
import {
  type Checkpoint,
  type EncodedText,
  type LayerInfo,
  listLayers,
  openTextConditioner,
  openVaeEncoder,
} from '../models/index.ts';
import { completeRecipe, type GivenRecipe, type Recipe } from './recipe.ts';
import { loadRunState, type RunState, runStatePath, saveRunState } from './run-state.ts';
import { type LoopInput, newRunState, runLoop, type StepReport } from './trainer.ts';
import { type WrittenLora, writeTrainedLora } from './write-lora.ts';

export type Progress =
  | { readonly phase: 'scan' | 'latents' | 'captions'; readonly done: number; readonly total: number }
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
  /** The .safetensors file to write. */
  readonly out: string;
  readonly resume: boolean;
  readonly session?: SessionOptions;
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
  readonly file: WrittenLora | undefined;
  readonly statePath: string;
  /** Seconds spent in steps of this process, and how many. */
  readonly stepSeconds: number;
  readonly stepsRun: number;
  readonly trainedParameters: number;
}

/** A cheap fingerprint of large files: size, first and last MiB. */
export function fingerprintFiles(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths) {
    const file = openSync(path, 'r');
    const { size } = fstatSync(file);
    const block = Buffer.alloc(Math.min(size, 2 ** 20));
    hash.update(String(size));
    for (const position of [0, size - block.length]) {
      readSync(file, block, 0, block.length, position);
      hash.update(block);
    }
    closeSync(file);
  }
  return hash.digest('hex');
}

function runFingerprint(recipe: Recipe, scan: DatasetScan, checkpoint: Checkpoint): string {
  const { saveEvery: _, ...fields } = recipe;
  const pictures = scan.pictures.map(({ hash, caption, repeats }) => [hash, caption, repeats]);
  const base = fingerprintFiles([
    ...checkpoint.unet.files,
    ...checkpoint.textEncoder.files,
    ...checkpoint.vae.files,
  ]);
  return createHash('sha256')
    .update(JSON.stringify([fields, pictures, base]))
    .digest('hex');
}

function checkResolution({ width, height }: Recipe['resolution'], step: number): void {
  for (const side of [width, height]) {
    if (side % step === 0) continue;
    throw usageError(
      'RESOLUTION_INVALID',
      `--resolution ${width}x${height}: sides must be multiples of ${step}`,
    );
  }
}

async function encodePictures(
  request: TrainRequest,
  recipe: Recipe,
  scan: DatasetScan,
): Promise<TrainingItem[]> {
  const { checkpoint, session, signal, onProgress } = request;
  const encoder = openVaeEncoder(checkpoint, session);
  const { resolution, bucketStep } = recipe;
  const longest = Math.max(resolution.width, resolution.height);
  const buckets = {
    resolution,
    min: Math.ceil(longest / 2 / bucketStep) * bucketStep,
    max: 2 * longest,
    step: bucketStep,
  };
  try {
    return await encodeDataset(scan, {
      buckets,
      flip: recipe.flip,
      encode: pixels => encoder.encode(pixels),
      encoderHash: fingerprintFiles(checkpoint.vae.files),
      ...(request.cacheFolder ? { cacheFolder: request.cacheFolder } : {}),
      ...(signal ? { signal } : {}),
      onProgress: ({ done, total }) => onProgress?.({ phase: 'latents', done, total }),
    });
  } finally {
    await encoder.release();
  }
}

async function encodeCaptions(
  request: TrainRequest,
  items: readonly TrainingItem[],
): Promise<Map<string, EncodedText>> {
  const conditioner = await openTextConditioner(request.checkpoint, request.session);
  const captions = [...new Set(['', ...items.map(item => item.caption)])];
  const texts = new Map<string, EncodedText>();
  for (const caption of captions) {
    texts.set(caption, await conditioner.encode(caption));
    request.onProgress?.({ phase: 'captions', done: texts.size, total: captions.length });
  }
  await conditioner.release();
  return texts;
}

/** What a run would train, without encoding anything. */
export function planRun(checkpoint: Checkpoint, given: GivenRecipe): { recipe: Recipe; layers: LayerInfo[] } {
  const recipe = completeRecipe(given, checkpoint.family, checkpoint.resolution);
  checkResolution(recipe.resolution, recipe.bucketStep);
  const layers = chooseTargets(listLayers(checkpoint.unet.weights, 'unet'), recipe.targets);
  checkRank(recipe.rank, layers);
  return { recipe, layers };
}

/** Trains a LoRA; see TrainRequest. The lock on `out` keeps a second run away from it. */
export async function train(request: TrainRequest): Promise<TrainResult> {
  const out = resolve(request.out);
  if (!out.endsWith('.safetensors'))
    throw usageError('OUT_NOT_SAFETENSORS', `--out ${request.out} must end in .safetensors`);
  const { recipe, layers } = planRun(request.checkpoint, request.recipe);
  const scan = await scanFolder(request.folder, {
    ...(recipe.caption === null ? {} : { caption: recipe.caption }),
    ...(recipe.trigger === null ? {} : { trigger: recipe.trigger }),
    onProgress: (done, total) => request.onProgress?.({ phase: 'scan', done, total }),
  });
  await ensureWritableFolder(dirname(out));
  const statePath = runStatePath(out);
  if (existsSync(out) && !request.resume) {
    throw usageError('OUT_EXISTS', `${out} is there already`, 'Choose another --out, or move the file away.');
  }
  const release = await lockFile(out);
  try {
    return await trainLocked({ ...request, out }, recipe, layers, scan, statePath);
  } finally {
    await release();
  }
}

async function trainLocked(
  request: TrainRequest,
  recipe: Recipe,
  layers: LayerInfo[],
  scan: DatasetScan,
  statePath: string,
): Promise<TrainResult> {
  const { checkpoint, out, signal, onProgress } = request;
  const fingerprint = runFingerprint(recipe, scan, checkpoint);
  const found = request.resume ? loadRunState(statePath, fingerprint) : undefined;
  if (!request.resume && existsSync(statePath)) {
    throw usageError(
      'RUN_STATE_EXISTS',
      `${statePath} holds an unfinished run`,
      'Add --resume to go on with it, or delete it to start anew.',
    );
  }
  const items = await encodePictures(request, recipe, scan);
  const texts = await encodeCaptions(request, items);
  const input: LoopInput = { checkpoint, recipe, layers, items, texts, session: request.session ?? {} };
  const state = found ?? newRunState(input, fingerprint);
  onProgress?.({ phase: 'start', scan, recipe, layers: layers.length, resumedAt: state.step });

  const write = (path: string): Promise<WrittenLora> =>
    writeTrainedLora(path, { checkpoint, recipe, layers, state, scan, items });
  let stepSeconds = 0;
  let stepsRun = 0;
  let lastState = performance.now();
  await runLoop(input, state, async report => {
    stepSeconds += report.seconds;
    stepsRun++;
    const secondsLeft = (stepSeconds / stepsRun) * (recipe.steps - report.step);
    onProgress?.({ phase: 'step', steps: recipe.steps, secondsLeft, ...report });
    if (recipe.saveEvery > 0 && report.step % recipe.saveEvery === 0 && report.step < recipe.steps) {
      const path = out.replace(/\.safetensors$/, `-${String(report.step).padStart(6, '0')}.safetensors`);
      await write(path);
      onProgress?.({ phase: 'saved', path: join(dirname(path), basename(path)) });
    }
    const due = performance.now() - lastState > stateEveryMilliseconds;
    if (due && report.step < recipe.steps) {
      await saveRunState(statePath, state);
      lastState = performance.now();
    }
    return !signal?.aborted;
  });

  const finished = state.step >= recipe.steps;
  let file: WrittenLora | undefined;
  if (finished) {
    file = await write(out);
    rmSync(statePath, { force: true });
  } else {
    await saveRunState(statePath, state);
  }
  const trainedParameters = [...state.parameters.values()].reduce((sum, { data }) => sum + data.length, 0);
  return { finished, state, recipe, scan, file, statePath, stepSeconds, stepsRun, trainedParameters };
}

/** A crash loses at most this much work. */
const stateEveryMilliseconds = 60_000;
