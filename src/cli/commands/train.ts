/** @file `lora train`: a folder of pictures becomes a LoRA file. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { badInput, exitCodes, usageError } from '../../errors.ts';
import { type GivenRecipe, parseRecipe, planRun, scanPictures, train } from '../../training/index.ts';
import { type BaseOptions, cacheFolder, openBase, withBase } from '../base.ts';
import { checkDevice, type DeviceName, deviceHelp, openDevice } from '../device.ts';
import { integerOption, memoryOption, numberOption, sizeOption } from '../numbers.ts';
import { describeHeld, describePlan, planMemory } from '../plan.ts';
import { interruptible, openTerminal } from '../terminal.ts';
import { describeResult, nothingDone, summary, trainingProgress } from '../training-report.ts';
import { describeTuning, readTuning } from '../tune/tuning-file.ts';

export { trainingProgress } from '../training-report.ts';

interface Options extends BaseOptions {
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
  recompute?: boolean | 'finest';
  baseWeights?: GivenRecipe['baseWeights'];
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
    baseWeights: options.baseWeights,
  };
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  return { ...(options.recipe ? readRecipeFile(options.recipe) : {}), ...given };
}

/** `--recompute`, `--recompute all`, `--recompute finest`. */
function recomputeOption(text: string): boolean | 'finest' {
  if (text === 'finest' || text === 'all') return text === 'all' || text;
  throw usageError('OPTION_INVALID', `--recompute ${text}: give all or finest`);
}

/** Beside the folder: `pictures/zorbi` → `pictures/zorbi.safetensors`. */
const defaultOut = (folder: string): string => `${resolve(folder)}.safetensors`;

async function run(folder: string, options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  const checkpoint = openBase(options, text => terminal.note(text));
  const given = givenRecipe(options);
  checkDevice(options.device);
  const onProgress = trainingProgress(terminal);
  const planned = planRun(checkpoint, given);
  if (options.plan) {
    const plan = planMemory(checkpoint, planned, options.memory);
    const scan = await scanPictures(folder, { recipe: plan.recipe });
    onProgress({ phase: 'scanned', scan });
    const { json, text } = describePlan(checkpoint, plan, scan);
    const tuning = readTuning(text => terminal.note(text));
    const tuningLine = tuning ? `\ntuning          ${describeTuning(tuning)}` : '';
    return terminal.result(json, text + tuningLine);
  }
  const isPlain = options.memory === undefined && planned.recipe.baseWeights === 'file';
  const plan = isPlain ? undefined : planMemory(checkpoint, planned, options.memory);
  if (plan && !plan.isExact) terminal.note(`base weights are ${describeHeld(plan)}`);
  const recipe = plan?.recipe ?? given;
  const session = await openDevice(options.device, text => terminal.note(text));
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
    frugal: options.memory !== undefined,
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
  return withBase(new Command('train'))
    .description(
      'train a LoRA on a folder of pictures (captions: .txt beside them, N_name folders, or --caption)',
    )
    .argument('<folder>', 'folder with pictures')
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
    .option(
      '--recompute [which]',
      'less memory, more time: make activations again in backward, all or those at the finest resolution',
      recomputeOption,
    )
    .option('--base-weights <form>', 'file, or rounded to save memory: float16 or int8')
    .option('--resume', 'go on with an interrupted run', false)
    .option('--recipe <file>', 'JSON with recipe fields; flags win')
    .option('--device <name>', deviceHelp, 'cpu')
    .option('--memory <size>', 'fit into this much memory, e.g. 8GB', memoryOption)
    .option('--plan', 'say what would run and how much memory it takes, and stop', false)
    .option('--no-cache', 'do not keep encoded pictures for the next run')
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
