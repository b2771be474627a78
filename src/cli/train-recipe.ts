/** @file Where the recipe of `lora train` comes from: kohya's settings, a recipe file, a goal, options. */
import { type Command, Option } from 'commander';
import { usageError } from '../errors.ts';
import { writeFileAtomic } from '../files/index.ts';
import type { Checkpoint } from '../models/index.ts';
import {
  type Advice,
  baseFacts,
  explainRecipe,
  explanationText,
  fileSource,
  type GoalName,
  goalNames,
  goalTexts,
  importKohya,
  type KohyaImport,
  type Recipe,
  type RecipeField,
  type RecipeFile,
  readRecipeFile,
  recipeToml,
  type Settled,
} from '../training/index.ts';
import { settleRun } from '../workbench/index.ts';
import { choiceOption, integerOption } from './numbers.ts';
import { recipeSourceOf } from './recipe-options.ts';

export interface RecipeOptions {
  readonly recipe?: string;
  readonly goal?: GoalName;
  readonly epochs?: number;
  readonly kohya?: string;
  readonly kohyaArgs?: string;
  readonly ignoreUnsupported: boolean;
  readonly explain: boolean;
  readonly writeRecipe?: string;
}

const goalHelp = `choose what you do not say for this: ${goalNames.map(name => `${name} (${goalTexts[name]})`).join(', ')}`;

/** Adds the options that say where a recipe comes from and what is told of it. */
export function withRecipeSources(command: Command): Command {
  const goals = Object.fromEntries(goalNames.map(name => [name, name]));
  const option = (flags: string, help: string): Option => new Option(flags, help).helpGroup('The recipe:');
  return command
    .addOption(
      option('--goal <name>', goalHelp).argParser(choiceOption('--goal', goals, goalNames.join(', '))),
    )
    .addOption(option('--recipe <file>', 'TOML or JSON with recipe fields; options win'))
    .addOption(
      option('--epochs <n>', 'every picture so often, as often as it repeats, instead of --steps').argParser(
        integerOption('--epochs'),
      ),
    )
    .addOption(
      option(
        '--kohya <file>',
        'settings of sd-scripts: a config_file (TOML), or a file with a train_network.py command',
      ),
    )
    .addOption(option('--kohya-args <text>', 'a train_network.py command, or its arguments, in quotes'))
    .addOption(option('--ignore-unsupported', 'train without what of them cannot be honoured').default(false))
    .addOption(
      option('--explain', 'say what every value is and where it comes from, and stop').default(false),
    )
    .addOption(option('--write-recipe <file>', 'write the whole recipe as TOML, and stop'));
}

/** What was given besides options that are fields. */
export interface RecipeSources {
  readonly kohya: KohyaImport | undefined;
  readonly file: RecipeFile | undefined;
}

function readKohya({ kohya, kohyaArgs, ignoreUnsupported }: RecipeOptions): KohyaImport | undefined {
  if (kohya !== undefined && kohyaArgs !== undefined)
    throw usageError('OPTIONS_CLASH', '--kohya and --kohya-args: give one of them');
  const source =
    kohya !== undefined ? { path: kohya } : kohyaArgs !== undefined ? { text: kohyaArgs } : undefined;
  if (source !== undefined) return importKohya(source, { ignoreUnsupported });
  if (ignoreUnsupported)
    throw usageError('OPTIONS_CLASH', '--ignore-unsupported is for --kohya and --kohya-args');
  return undefined;
}

/** Reads the files that a recipe comes from. */
export function readRecipeSources(options: RecipeOptions): RecipeSources {
  const { epochs, recipe } = options;
  if (epochs !== undefined && (epochs < 1 || epochs > 1e6))
    throw usageError('OPTION_INVALID', `--epochs ${epochs}: give a whole number from 1 to 1000000`);
  const kohya = readKohya(options);
  const file = recipe === undefined ? undefined : readRecipeFile(recipe);
  return { kohya, file };
}

export interface SettleRequest {
  readonly checkpoint: Checkpoint;
  /** Folders of pictures and data set files. */
  readonly data: readonly string[];
  readonly sources: RecipeSources;
  /** Of the whole command. */
  readonly options: RecipeOptions & Readonly<Record<string, unknown>>;
  /** The LoRA that the run goes on from. */
  readonly continued?: string | undefined;
  readonly note: (text: string) => void;
}

/** Says what of kohya's settings has no part in the run. */
function tellKohya(
  { source, notes }: KohyaImport,
  more: readonly string[],
  left: readonly { argument: string; value: string; why: string }[],
  note: (text: string) => void,
): void {
  for (const text of [...notes, ...more]) note(`${source}: ${text}`);
  for (const { argument, value, why } of left)
    note(`${source}: ${argument}${value === '' || value === 'true' ? '' : ` ${value}`} left out: ${why}`);
}

/** One recipe from all that was said; reads the pictures only where a goal or epochs ask for it. */
export async function settleFor(request: SettleRequest): Promise<Settled> {
  const { checkpoint, data, sources, options, note, continued } = request;
  const base = baseFacts(checkpoint);
  const kohya = sources.kohya?.saidFor(base);
  if (sources.kohya && kohya) tellKohya(sources.kohya, kohya.notes, kohya.leftOut, note);
  const flags = recipeSourceOf(options);
  const { goal, epochs } = options;
  if (epochs !== undefined && flags.given.steps !== undefined)
    throw usageError('OPTIONS_CLASH', '--epochs and --steps say the same thing twice', 'Give one of them.');
  return settleRun({
    ...{ checkpoint, data, continued },
    before: kohya ? [kohya.said] : [],
    said: [
      ...(sources.file ? [{ ...fileSource(sources.file), intent: sources.file.intent }] : []),
      { ...flags, intent: { goal, epochs } },
    ],
  });
}

/** `--explain` as data and as text. */
export function explanation(
  checkpoint: Checkpoint,
  settled: Settled,
  recipe: Recipe,
  advice: readonly Advice[],
): { json: object; text: string } {
  const rows = explainRecipe({ ...settled, recipe }, baseFacts(checkpoint));
  return { json: { fields: rows, advice }, text: explanationText(rows) };
}

/** Writes the whole recipe; throws WRITE_EXISTS rather than replacing a file. */
export async function writeRecipeFile(
  path: string,
  checkpoint: Checkpoint,
  settled: Settled,
  recipe: Recipe,
): Promise<void> {
  const reasons = new Map(
    explainRecipe({ ...settled, recipe }, baseFacts(checkpoint)).map(({ field, why }) => [field, why]),
  );
  const remark = (field: RecipeField): string | undefined =>
    settled.origins.get(field)?.from === 'default' ? undefined : reasons.get(field);
  const heading = [
    `A whole recipe for ${checkpoint.family}: lora train <folder> --recipe ${path.split(/[/\\]/).at(-1)}`,
    'In brackets: where each value came from.',
  ];
  await writeFileAtomic(path, recipeToml(recipe, { heading, remark }), {
    keepExisting: true,
  });
}
