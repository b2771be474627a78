/** @file `lora train`: a folder of pictures becomes a LoRA file. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { badInput, exitCodes } from '../../errors.ts';
import {
  type GivenRecipe,
  type Progress,
  parseRecipe,
  planRun,
  scanPictures,
  type TrainResult,
  train,
} from '../../training/index.ts';
import { cacheFolder, openBase } from '../base.ts';
import { type DeviceName, sessionFor } from '../device.ts';
import { integerOption, memoryOption, numberOption, sizeOption } from '../numbers.ts';
import { describePlan, planMemory } from '../plan.ts';
import { interruptible, openTerminal, showBytes, showSeconds, type Terminal } from '../terminal.ts';

interface Options {
  base: string;
  out?: string;
  resume: boolean;
  recipe?: string;
  device: DeviceName;
  memory?: number;
  plan: boolean;
  cache: boolean;
  json: boolean;
  steps?: number;
  rank?: number;
  alpha?: number;
  lr?: number;
  schedule?: GivenRecipe['schedule'];
  warmup?: number;
  batch?: number;
  accumulate?: number;
  resolution?: { width: number; height: number };
  targets?: string;
  caption?: string;
  trigger?: string;
  seed?: number;
  saveEvery?: number;
  flip?: boolean;
  captionDropout?: number;
  minSnr?: number;
  precision?: GivenRecipe['precision'];
  recompute?: boolean;
}

function readRecipeFile(path: string): GivenRecipe {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw badInput('RECIPE_UNREADABLE', `recipe ${path} cannot be read: ${why}`, 'Check the path.', cause);
  }
  return parseRecipe(text, path);
}

/** Flags win over the recipe file. */
function givenRecipe(options: Options): GivenRecipe {
  const flags: GivenRecipe = {
    steps: options.steps,
    rank: options.rank,
    alpha: options.alpha,
    learningRate: options.lr,
    schedule: options.schedule,
    warmupSteps: options.warmup,
    batch: options.batch,
    accumulate: options.accumulate,
    resolution: options.resolution,
    targets: options.targets,
    caption: options.caption,
    trigger: options.trigger,
    seed: options.seed,
    saveEvery: options.saveEvery,
    flip: options.flip,
    captionDropout: options.captionDropout,
    minSnrGamma: options.minSnr,
    precision: options.precision,
    recompute: options.recompute,
  };
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  return { ...(options.recipe ? readRecipeFile(options.recipe) : {}), ...given };
}

/** More of a kind than this are counted, not listed. */
const mostNotes = 10;

function noteAll(terminal: Terminal, lines: readonly string[], what: string): void {
  for (const line of lines.slice(0, mostNotes)) terminal.note(line);
  if (lines.length > mostNotes)
    terminal.note(`and ${lines.length - mostNotes} more ${what} (--json lists all)`);
}

/** Turns progress into lines; the loss shown is the mean of the last 20 steps. */
export function trainingProgress(terminal: Terminal): (progress: Progress) => void {
  const recent: number[] = [];
  return progress => {
    switch (progress.phase) {
      case 'scan':
        return terminal.progress(`reading pictures ${progress.done}/${progress.total}`);
      case 'latents':
        return terminal.progress(`encoding pictures ${progress.done}/${progress.total}`);
      case 'captions':
        return terminal.progress(`encoding captions ${progress.done}/${progress.total}`);
      case 'scanned': {
        const { skipped, warnings } = progress.scan;
        const left = skipped.map(({ path, reason }) => `left out: ${path}: ${reason}`);
        noteAll(terminal, left, 'left out');
        const warned = warnings.map(({ message }) => `warning: ${message}`);
        return noteAll(terminal, warned, 'warnings');
      }
      case 'warning':
        return terminal.note(`warning: ${progress.warning.message}`);
      case 'start':
        return terminal.note(describeStart(progress));
      case 'step': {
        recent.push(progress.loss);
        if (recent.length > 20) recent.shift();
        const loss = recent.reduce((a, b) => a + b, 0) / recent.length;
        const left = showSeconds(progress.secondsLeft);
        return terminal.progress(
          `step ${progress.step}/${progress.steps}  loss ${loss.toFixed(4)}  ${left} left`,
        );
      }
      case 'saved':
        return terminal.note(`saved ${progress.path}`);
    }
  };
}

function describeStart({ scan, recipe, layers, resumedAt }: Extract<Progress, { phase: 'start' }>): string {
  const times = recipe.accumulate > 1 ? ` × ${recipe.accumulate}` : '';
  const from = resumedAt > 0 ? `, resumed at step ${resumedAt}` : '';
  return `${scan.pictures.length} pictures, ${layers} layers, rank ${recipe.rank}, ${recipe.steps} steps of ${recipe.batch}${times}${from}`;
}

function summary({ state, recipe, stepSeconds, stepsRun, file, ...rest }: TrainResult) {
  const lastLosses = state.losses.slice(-20);
  return {
    finished: rest.finished,
    file: file?.path ?? null,
    fileBytes: file?.bytes ?? null,
    hash: file?.hash ?? null,
    runState: rest.statePath ?? null,
    steps: state.step,
    stepsPerSecond: stepsRun > 0 ? stepsRun / stepSeconds : null,
    lossOfLastSteps: lastLosses.reduce((a, b) => a + b, 0) / Math.max(1, lastLosses.length),
    trainedParameters: rest.trainedParameters,
    pictures: rest.scan.pictures.length,
    skipped: rest.scan.skipped,
    warnings: rest.warnings,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    recipe,
  };
}

const nothingDone = 'stopped before the first step; nothing was written';

function describeResult(result: TrainResult): string {
  const { file, stepsRun, stepSeconds, statePath } = result;
  if (!file) {
    return statePath
      ? `stopped; ${statePath} is saved, the same command with --resume goes on from there`
      : nothingDone;
  }
  const { lossOfLastSteps, peakMemoryBytes } = summary(result);
  const facts = [
    showBytes(file.bytes),
    `${stepsRun} steps in ${showSeconds(stepSeconds)}`,
    ...(stepsRun > 0 ? [`${(stepsRun / stepSeconds).toFixed(2)} steps/s`] : []),
    `loss ${lossOfLastSteps.toFixed(4)}`,
    `peak memory ${showBytes(peakMemoryBytes)}`,
  ];
  return `${file.path}  (${facts.join(', ')})`;
}

/** Beside the folder: `pictures/zorbi` → `pictures/zorbi.safetensors`. */
const defaultOut = (folder: string): string => `${resolve(folder)}.safetensors`;

async function run(folder: string, options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  const checkpoint = openBase(options.base);
  const given = givenRecipe(options);
  const session = sessionFor(options.device);
  const onProgress = trainingProgress(terminal);
  const planned = planRun(checkpoint, given);
  if (options.plan) {
    const plan = planMemory(checkpoint, planned, options.memory);
    const scan = await scanPictures(folder, { recipe: plan.recipe });
    onProgress({ phase: 'scanned', scan });
    const { json, text } = describePlan(checkpoint, plan, scan);
    return terminal.result(json, text);
  }
  const recipe =
    options.memory === undefined ? given : planMemory(checkpoint, planned, options.memory).recipe;
  let isStepping = false;
  const signal = interruptible(() =>
    terminal.note(isStepping ? 'finishing this step, then saving the run state …' : 'stopping …'),
  );
  const result = await train({
    folder,
    checkpoint,
    recipe,
    out: options.out ?? defaultOut(folder),
    resume: options.resume,
    session,
    signal,
    onProgress: progress => {
      isStepping ||= progress.phase === 'step';
      onProgress(progress);
    },
    ...(options.cache ? { cacheFolder: join(cacheFolder(), 'latents') } : {}),
  }).catch((error: unknown) => {
    if (error instanceof Error && error.name === 'AbortError') return undefined;
    throw error;
  });
  if (!result?.finished) process.exitCode = exitCodes.interrupted;
  if (!result) return terminal.result({ finished: false, file: null, runState: null }, nothingDone);
  terminal.result(summary(result), describeResult(result));
}

export function trainCommand(): Command {
  return new Command('train')
    .description(
      'train a LoRA on a folder of pictures (captions: .txt beside them, N_name folders, or --caption)',
    )
    .argument('<folder>', 'folder with pictures')
    .option('--base <model>', 'pocket, or a checkpoint folder in the Diffusers layout', 'pocket')
    .option('--out <file>', 'LoRA file to write (.safetensors)')
    .option('--steps <n>', 'updates of A and B', integerOption('--steps'))
    .option('--rank <r>', 'rank of A and B', integerOption('--rank'))
    .option('--alpha <a>', 'scale is alpha / rank; default: the rank', numberOption('--alpha'))
    .option('--lr <x>', 'learning rate', numberOption('--lr'))
    .option('--schedule <name>', 'constant, cosine or linear')
    .option('--warmup <n>', 'steps of rising learning rate', integerOption('--warmup'))
    .option('--batch <n>', 'pictures a step', integerOption('--batch'))
    .option('--accumulate <n>', 'micro-steps a step', integerOption('--accumulate'))
    .option(
      '--resolution <size>',
      'N or WxH; pictures go to buckets of about this area',
      sizeOption('--resolution'),
    )
    .option('--targets <which>', 'attention, attention+ff, linear, conv, or globs, comma-separated')
    .option('--caption <text>', 'for pictures without a caption file')
    .option('--trigger <word>', 'put in front of captions that lack it')
    .option('--seed <n>', 'the same seed and data give the same file', integerOption('--seed'))
    .option('--save-every <n>', 'also save every n steps', integerOption('--save-every'))
    .option('--flip', 'mirror pictures half of the time')
    .option('--caption-dropout <p>', 'share of samples without caption', numberOption('--caption-dropout'))
    .option('--min-snr <gamma>', 'min-SNR weighting; 0 = off', numberOption('--min-snr'))
    .option('--precision <type>', 'of the file: float32, float16 or bfloat16')
    .option('--recompute', 'less memory, more time: recompute activations in backward')
    .option('--resume', 'go on with an interrupted run', false)
    .option('--recipe <file>', 'JSON with recipe fields; flags win')
    .option('--device <name>', 'auto, cpu or webgpu', 'auto')
    .option('--memory <size>', 'fit into this much memory, e.g. 8GB', memoryOption)
    .option('--plan', 'say what would run and how much memory it takes, and stop', false)
    .option('--no-cache', 'do not keep encoded pictures for the next run')
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
