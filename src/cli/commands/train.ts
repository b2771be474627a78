/** @file `lora train`: a folder of pictures becomes a LoRA file. */
import { readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Command } from 'commander';
import { badInput, exitCodes } from '../../errors.ts';
import {
  type GivenRecipe,
  parseRecipe,
  planRun,
  recipeFrom,
  scanPictures,
  train,
  withBaseLoras,
} from '../../training/index.ts';
import { type BaseOptions, cacheFolder, openBase, withBase } from '../base.ts';
import { type CardOptions, cardOf, withCard } from '../card-options.ts';
import { checkDevice, type DeviceName, deviceHelp, openDevice } from '../device.ts';
import { collect, memoryOption } from '../numbers.ts';
import { describeHeld, describePlan, planMemory } from '../plan.ts';
import { recipeOf, withRecipe } from '../recipe-options.ts';
import { readBaseLoras, readContinued } from '../start-loras.ts';
import { interruptible, openTerminal } from '../terminal.ts';
import { describeResult, nothingDone, summary, trainingProgress } from '../training-report.ts';
import { describeTuning, readTuning } from '../tune/tuning-file.ts';

export { trainingProgress } from '../training-report.ts';

interface Options extends BaseOptions, CardOptions {
  out?: string;
  resume: boolean;
  recipe?: string;
  continue?: string;
  baseLora: string[];
  device: DeviceName;
  memory?: number;
  plan: boolean;
  cache: boolean;
  json: boolean;
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

/** Options win over the recipe file; its exceptions come before theirs. */
function givenRecipe(options: Options): GivenRecipe {
  const file = options.recipe ? readRecipeFile(options.recipe) : {};
  const given = recipeOf({ ...options });
  if (!given.overrides || !Array.isArray(file.overrides)) return { ...file, ...given };
  return { ...file, ...given, overrides: [...file.overrides, ...given.overrides] };
}

/** What the file says of the LoRAs that it was trained from; names only, no folders. */
const originsOf = ({ continue: from, baseLora }: Options): string[] => [
  ...(from === undefined ? [] : [`goes on from ${basename(from)}`]),
  ...baseLora.map(text => `base with ${basename(text)}`),
];

/** Beside the folder: `pictures/zorbi` → `pictures/zorbi.safetensors`. */
const defaultOut = (folder: string): string => `${resolve(folder)}.safetensors`;

async function run(folder: string, options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  const note = (text: string): void => terminal.note(text);
  const opened = openBase(options, note);
  const checkpoint = await withBaseLoras(opened, readBaseLoras(opened, options.baseLora, note));
  const from = options.continue ? readContinued(opened, options.continue, note) : undefined;
  const own = givenRecipe(options);
  const given = from ? recipeFrom(checkpoint, own, from, String(options.continue)) : own;
  checkDevice(options.device);
  const onProgress = trainingProgress(terminal);
  const planned = planRun(checkpoint, given);
  const card = await cardOf(options);
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
    card,
    origins: originsOf(options),
    ...(from ? { from } : {}),
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
  return withCard(withRecipe(withBase(new Command('train').optionsGroup('The base model:'))))
    .description(
      'train a LoRA on a folder of pictures (captions: .txt beside them, N_name folders, or --caption)',
    )
    .argument('<folder>', 'folder with pictures')
    .option('--out <file>', 'LoRA file to write (.safetensors)')
    .option('--resume', 'go on with an interrupted run', false)
    .option(
      '--continue <lora>',
      'start with A and B of this LoRA; its layers and ranks are those of the new one',
    )
    .option(
      '--base-lora <file[:strength]>',
      'train on top of this LoRA, which the new file does not hold; may be repeated',
      collect,
      [],
    )
    .option('--recipe <file>', 'JSON with recipe fields; flags win')
    .option('--device <name>', deviceHelp, 'cpu')
    .option('--memory <size>', 'fit into this much memory, e.g. 8GB', memoryOption)
    .option('--plan', 'say what would run and how much memory it takes, and stop', false)
    .option('--no-cache', 'do not keep encoded pictures for the next run')
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
