/** @file `lora train`: a folder of pictures becomes a LoRA file. */
import { basename, join, resolve } from 'node:path';
import { Command } from 'commander';
import { exitCodes, usageError } from '../../errors.ts';
import {
  adviseOnScan,
  type GivenRecipe,
  type KohyaImport,
  planRun,
  recipeFrom,
  scanPictures,
  withBaseLoras,
} from '../../training/index.ts';
import {
  cacheFolder,
  checkDevice,
  type DeviceName,
  describePlan,
  describeTuning,
  deviceHelp,
  openDevice,
  planMemory,
  planWithin,
  predictTime,
  readPreviewLines,
  readTuning,
  runSummary,
  trainPlanned,
} from '../../workbench/index.ts';
import { type BaseOptions, openBase, withBase } from '../base.ts';
import { type CardOptions, cardOf, withCard } from '../card-options.ts';
import { collect, memoryOption } from '../numbers.ts';
import { withRecipe } from '../recipe-options.ts';
import { readBaseLoras, readContinued } from '../start-loras.ts';
import { interruptible, openTerminal } from '../terminal.ts';
import {
  explanation,
  type RecipeOptions,
  readRecipeSources,
  settleFor,
  withRecipeSources,
  writeRecipeFile,
} from '../train-recipe.ts';
import { describeResult, nothingDone, trainingProgress } from '../training-report.ts';

export { trainingProgress } from '../training-report.ts';

interface Options extends BaseOptions, CardOptions, RecipeOptions {
  out?: string;
  resume: boolean;
  continue?: string;
  baseLora: string[];
  previewFile?: string;
  examine: boolean;
  device: DeviceName;
  memory?: number;
  plan: boolean;
  cache: boolean;
  json: boolean;
}

/** What the file says of the LoRAs that it was trained from; names only, no folders. */
const originsOf = ({ continue: from, baseLora }: Options): string[] => [
  ...(from === undefined ? [] : [`goes on from ${basename(from)}`]),
  ...baseLora.map(text => `base with ${basename(text)}`),
];

/** Beside the first folder or data set file: `pictures/zorbi` → `pictures/zorbi.safetensors`. */
const defaultOut = ([first]: readonly string[]): string =>
  `${resolve(first).replace(/\.(toml|json)$/i, '')}.safetensors`;

/** Options over what kohya's settings say besides the recipe. */
function withPlaces(
  options: Options,
  kohya: KohyaImport | undefined,
  isGiven: (name: string) => boolean,
): Options {
  if (!kohya) return options;
  const { base, vae, out, continue: from, baseLoras, card } = kohya;
  return {
    ...card,
    ...(vae === undefined ? {} : { vae }),
    ...(out === undefined ? {} : { out }),
    ...(from === undefined ? {} : { continue: from }),
    ...options,
    ...(base === undefined || isGiven('base') ? {} : { base }),
    ...(baseLoras.length > 0 && !isGiven('baseLora') ? { baseLora: [...baseLoras] } : {}),
  };
}

/** A data set file says what lies in a folder better than the folder does. */
function dataFor(given: readonly string[], kohya: KohyaImport | undefined): readonly string[] {
  if (given.length > 0) return given;
  const named = kohya?.dataset.config ?? kohya?.dataset.folder;
  if (named !== undefined) return [named];
  const hint = 'Write: lora train my-pictures.';
  throw usageError('DATASET_NO_SOURCE', 'no folder with pictures was given', hint);
}

/** Prompts of a file after those of the recipe. */
function withPreviewFile(
  given: GivenRecipe,
  path: string | undefined,
  note: (text: string) => void,
): GivenRecipe {
  if (path === undefined) return given;
  return { ...given, previewPrompts: [...(given.previewPrompts ?? []), ...readPreviewLines(path, note)] };
}

async function run(givenData: string[], typed: Options, command: Command): Promise<void> {
  const terminal = openTerminal(typed.json);
  const note = (text: string): void => terminal.note(text);
  const sources = readRecipeSources(typed);
  const options = withPlaces(typed, sources.kohya, name => command.getOptionValueSource(name) === 'cli');
  const data = dataFor(givenData, sources.kohya);
  const opened = openBase(options, note);
  const checkpoint = await withBaseLoras(opened, readBaseLoras(opened, options.baseLora, note));
  const from = options.continue ? readContinued(opened, options.continue, note) : undefined;
  const settled = await settleFor({
    ...{ checkpoint, data, sources, note, continued: options.continue },
    options: { ...options },
  });
  const own = from ? recipeFrom(checkpoint, settled.given, from, String(options.continue)) : settled.given;
  const given = withPreviewFile(own, options.previewFile, note);
  checkDevice(options.device);
  const onProgress = trainingProgress(terminal);
  const planned = planRun(checkpoint, given);
  const card = await cardOf(options);
  if (options.plan || options.explain || options.writeRecipe !== undefined) {
    const plan = planMemory(checkpoint, planned, options.memory);
    const scan = await scanPictures(data, { recipe: plan.recipe });
    onProgress({ phase: 'scanned', scan });
    const advice = [...planned.advice, ...adviseOnScan(checkpoint, plan.recipe, scan)];
    for (const { message } of advice) note(`warning: ${message}`);
    const told = explanation(checkpoint, settled, plan.recipe, advice);
    if (options.writeRecipe !== undefined) {
      await writeRecipeFile(options.writeRecipe, checkpoint, settled, plan.recipe);
    }
    const wrote = options.writeRecipe === undefined ? '' : `wrote ${options.writeRecipe}`;
    if (!options.plan)
      return terminal.result(told.json, options.explain ? `${told.text}${wrote && `\n\n${wrote}`}` : wrote);
    const time = options.device === 'cpu' ? await predictTime(checkpoint, plan) : undefined;
    const { json, text } = describePlan(checkpoint, plan, scan, time);
    const tuning = readTuning(text => terminal.note(text));
    const tuningLine = tuning ? `\ntuning          ${describeTuning(tuning)}` : '';
    const whole = options.explain ? { ...json, recipe: told.json } : { ...json, advice };
    return terminal.result(whole, `${options.explain ? `${told.text}\n\n` : ''}${text}${tuningLine}`);
  }
  const within = planWithin(checkpoint, given, options.memory, note);
  const session = await openDevice(options.device, text => terminal.note(text));
  let isStepping = false;
  const signal = interruptible(() =>
    terminal.note(isStepping ? 'finishing this step, then saving the run state …' : 'stopping …'),
  );
  const out = options.out ?? defaultOut(data);
  const result = await trainPlanned(within, {
    data,
    checkpoint,
    note,
    card,
    origins: originsOf(options),
    ...(from ? { from } : {}),
    out,
    examine: options.examine,
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
  terminal.result(runSummary(result), describeResult(result));
}

export function trainCommand(): Command {
  return withCard(
    withRecipe(withRecipeSources(withBase(new Command('train').optionsGroup('The base model:')))),
  )
    .description(
      'train a LoRA on a folder of pictures (captions: .txt beside them, N_name folders, or --caption)',
    )
    .argument(
      '[data...]',
      'folders with pictures, data set files of sd-scripts; not needed where --kohya names one',
    )
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
    .option('--preview-file <file>', 'prompts of preview pictures, as sd-scripts’ --sample_prompts')
    .option('--device <name>', deviceHelp, 'cpu')
    .option('--memory <size>', 'fit into this much memory, e.g. 8GB', memoryOption)
    .option('--plan', 'say what would run and how much memory it takes, and stop', false)
    .option('--no-examine', 'do not examine the finished LoRA: whether it acts, leaks, drifts')
    .option('--no-cache', 'do not keep encoded pictures for the next run')
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
