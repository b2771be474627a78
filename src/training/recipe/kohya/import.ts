/** @file Settings of sd-scripts become a recipe that means the same training; nothing of them is dropped without a word. */
import { usageError } from '../../../errors.ts';
import { readPromptFile } from '../../previews/prompt-file.ts';
import { writePromptLine } from '../../previews/prompt-line.ts';
import { idleFields } from '../check-recipe.ts';
import type { BaseFacts } from '../checks/check.ts';
import { decidedByLora } from '../origins.ts';
import { completeRecipe } from '../recipe.ts';
import type { GivenRecipe, RecipeField } from '../schema.ts';
import type { Said } from '../settle.ts';
import type { KohyaContext, KohyaValues } from './argument.ts';
import { argumentOf } from './field-arguments.ts';
import { type KohyaProblem, networkProblems } from './network.ts';
import { optimizerProblems, scheduleProblems } from './optimizer.ts';
import { type KohyaPlaces, placesOf } from './places.ts';
import { invalid, type KohyaSource, writtenIn } from './read-settings.ts';
import { kohyaTable } from './table.ts';
import { type ReadValues, readValues } from './values.ts';

export type { KohyaSource } from './read-settings.ts';

/** An argument that was given and has no part in the run, with the reason. */
export interface LeftOut {
  readonly argument: string;
  readonly value: string;
  readonly why: string;
}

export interface KohyaImport extends KohyaPlaces {
  /** What was read: `config.toml`, `--kohya-args`. */
  readonly source: string;
  /** Worth knowing: where the run differs from what sd-scripts would do. */
  readonly notes: readonly string[];
  /** The recipe for a base. Throws KOHYA_UNSUPPORTED. */
  readonly saidFor: (base: BaseFacts) => KohyaRecipe;
}

export interface KohyaRecipe {
  readonly said: Said;
  /** Given and not honoured, because it changes nothing here or was told to be ignored. */
  readonly leftOut: readonly LeftOut[];
  /** Of fields that have no effect in sd-scripts either. */
  readonly notes: readonly string[];
}

export interface ImportOptions {
  /** Arguments that change the LoRA and cannot be honoured are told instead of refused. */
  readonly ignoreUnsupported?: boolean;
}

/** Given arguments that cannot be honoured. */
function problemsOf(all: KohyaValues, context: KohyaContext): KohyaProblem[] {
  const rows = Object.entries(kohyaTable).flatMap(([argument, { role }]) => {
    if (role.does !== 'missing' || !(role.isAsked ? role.isAsked(all, context) : all.isGiven(argument)))
      return [];
    if (!role.isAsked && all.flag(argument) === false && kohyaTable[argument].type === 'flag') return [];
    const list = all.list(argument).join(' ');
    return [{ argument, value: list, why: role.why, changesNumbers: role.changesNumbers }];
  });
  return [...rows, ...networkProblems(all), ...optimizerProblems(all), ...scheduleProblems(all)];
}

/** Keys and tokens are not repeated. */
const isSecret = (argument: string): boolean => /_(key|token)$/.test(argument);

const problemLine = ({ argument, value, why }: LeftOut): string =>
  `${argument}${value === '' ? '' : ` ${value}`}: ${why}`;

function checkReadable({ wrong, unknown }: ReadValues, source: string, options: ImportOptions): LeftOut[] {
  if (wrong.length > 0)
    throw invalid(
      source,
      wrong.map(({ argument, why }) => `${argument}: ${why}`),
    );
  const lines = unknown.map(({ argument, meant }) => ({
    ...{ argument, value: '' },
    why: `sd-scripts’ train_network.py has no such argument${meant.length > 0 ? `; did you mean ${meant.join(' or ')}?` : ''}`,
  }));
  if (lines.length > 0 && !options.ignoreUnsupported)
    throw invalid(
      source,
      lines.map(problemLine),
      'Mend or remove it, or train without it: --ignore-unsupported.',
    );
  return lines;
}

function checkSupported(
  problems: readonly KohyaProblem[],
  source: string,
  options: ImportOptions,
): LeftOut[] {
  const hard = problems.filter(({ changesNumbers }) => changesNumbers);
  if (hard.length > 0 && !options.ignoreUnsupported) {
    const lines = hard.map(problem => `${problemLine(problem)} (it changes the LoRA)`);
    throw usageError(
      'KOHYA_UNSUPPORTED',
      `${source}:${lines.length === 1 ? ` ${lines[0]}` : lines.map(line => `\n  ${line}`).join('')}`,
      'Remove it, or train without it: --ignore-unsupported.',
    );
  }
  return problems.map(({ argument, value, why }) => ({
    argument,
    value: isSecret(argument) ? '…' : value,
    why,
  }));
}

/** Fields of all arguments, each with the argument that it comes from. */
function fieldsFor(all: KohyaValues, context: KohyaContext): GivenRecipe {
  const rows = Object.values(kohyaTable).map(({ role }) =>
    role.does === 'fields' ? role.fields(all, context) : {},
  );
  const found = rows.flatMap(row => Object.entries(row)).filter(([, value]) => value !== undefined);
  return Object.fromEntries(found) as GivenRecipe;
}

/** Prompts of a file; what in it has no effect is told. */
function promptsOf(all: KohyaValues, notes: string[]): GivenRecipe {
  const path = all.text('sample_prompts');
  const isOn =
    (all.number('sample_every_n_steps') ?? 0) > 0 || (all.number('sample_every_n_epochs') ?? 0) > 0;
  if (path === null || !isOn) return {};
  const { prompts, findings } = readPromptFile(path);
  notes.push(...findings.map(finding => `sample_prompts ${path}: ${finding}`));
  return { previewPrompts: prompts.map(writePromptLine) };
}

function notesOf(all: KohyaValues): string[] {
  const hasOwnCaptions =
    all.isGiven('caption_extension') ||
    all.isGiven('caption_extention') ||
    all.text('dataset_config') !== null;
  return [
    ...(hasOwnCaptions
      ? []
      : ['captions: sd-scripts would read .caption files only; .txt files are read here too']),
    ...(all.number('max_token_length') === 225
      ? []
      : [
          `captions: sd-scripts would cut them at ${all.number('max_token_length') ?? 75} tokens; up to 225 are read here`,
        ]),
    ...(all.flag('color_aug') || all.flag('random_crop')
      ? [
          'color_aug and random_crop: each picture has 8 forms, encoded once; sd-scripts makes a new one every time (see variants)',
        ]
      : []),
    ...(all.list('text_encoder_lr').length > 1
      ? [
          'text_encoder_lr: networks.lora takes the first of several for all text encoders, and so does this run',
        ]
      : []),
    ...(all.number('seed') === null
      ? ['seed: sd-scripts would draw one; this run has the seed 0, so that it can be repeated']
      : []),
  ];
}

/** `saidFor`: fields that have no effect with the others are dropped, as sd-scripts drops them, but not silently. */
function saidFrom(all: KohyaValues, prompts: GivenRecipe, base: BaseFacts) {
  const context = { family: base.family };
  const whole = (steps?: number): GivenRecipe => ({ ...fieldsFor(all, { ...context, steps }), ...prompts });
  const known = all.number('max_train_epochs') === null ? (all.number('max_train_steps') ?? 1600) : undefined;
  const notes: string[] = [];
  const cleaned = (fields: GivenRecipe, tell: boolean): GivenRecipe => {
    const drop = new Set<string>(all.text('network_weights') === null ? [] : decidedByLora);
    const own = Object.fromEntries(
      Object.entries(fields).filter(([key, value]) => value !== undefined && !drop.has(key)),
    );
    const recipe = completeRecipe(
      { steps: known ?? 1e6, ...own } as GivenRecipe,
      base.family,
      base.resolution,
    );
    const idle = idleFields(recipe, base);
    for (const [field, why] of idle) {
      const { argument, isGiven } = argumentOf(field, all);
      if (tell && isGiven && own[field] !== undefined) notes.push(`${argument} ${why}`);
    }
    return Object.fromEntries(
      Object.entries(own).filter(([key]) => !idle.has(key as RecipeField)),
    ) as GivenRecipe;
  };
  const originOf: Said['originOf'] = field => {
    const { argument, isGiven } = argumentOf(field, all);
    return { from: 'kohya', argument, isSilent: !isGiven };
  };
  const said: Said = {
    given: cleaned(whole(known), true),
    originOf,
    intent: { epochs: all.number('max_train_epochs') ?? undefined },
    withSteps: steps => ({ given: cleaned(whole(steps), false), originOf }),
  };
  return { said, notes };
}

/** Given arguments that change nothing here. */
function idleArguments(all: KohyaValues): LeftOut[] {
  return Object.entries(kohyaTable).flatMap(([argument, { role }]) => {
    if (role.does !== 'nothing' || role.why.startsWith('read with') || !all.isGiven(argument)) return [];
    return [{ argument, value: all.list(argument).join(' '), why: role.why }];
  });
}

/**
 * Reads settings of sd-scripts. Throws KOHYA_INVALID with all values that are none and all names that sd-scripts does not
 * have; `saidFor` KOHYA_UNSUPPORTED with all that change the LoRA and cannot be honoured.
 */
export function importKohya(source: KohyaSource, options: ImportOptions = {}): KohyaImport {
  const notes: string[] = [];
  const { written, name } = writtenIn(source, notes);
  const read = readValues(written, kohyaTable);
  const unknown = checkReadable(read, name, options);
  const all = read.values;
  const prompts = promptsOf(all, notes);
  return {
    ...{ source: name, notes: [...notes, ...notesOf(all)] },
    ...placesOf(all, written),
    saidFor: base => {
      const unsupported = checkSupported(problemsOf(all, { family: base.family }), name, options);
      return {
        ...saidFrom(all, prompts, base),
        leftOut: [...unknown, ...unsupported, ...idleArguments(all)],
      };
    },
  };
}
