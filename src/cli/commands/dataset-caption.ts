/** @file `lora dataset caption`: edits captions in bulk, shows what would change, and takes changes back. */
import { Command } from 'commander';
import {
  applyCaptionEdits,
  type CaptionChange,
  type CaptionPlan,
  type CaptionRules,
  listEdits,
  planCaptionEdits,
  readEdit,
  type UndoneEdit,
  undoCaptionEdit,
} from '../../dataset/index.ts';
import { exitCodes, usageError } from '../../errors.ts';
import { counted, oneLine } from '../../workbench/index.ts';
import { choiceOption, collect, integerOption } from '../numbers.ts';
import { openTerminal, type Terminal } from '../terminal.ts';

interface Options {
  readonly template?: string;
  readonly replace: string[];
  readonly remove: string[];
  readonly add: string[];
  readonly at: 'start' | 'end';
  readonly trigger?: string;
  readonly dedupe: boolean;
  readonly sort: boolean;
  readonly keepFirst: number;
  readonly only?: string;
  readonly where: string[];
  readonly write: boolean;
  readonly undo: boolean;
  readonly history: boolean;
  readonly all: boolean;
  readonly json: boolean;
}

/** More changes than this are counted, not listed. */
const mostShown = 20;

function rulesOf({ template, trigger, at, ...rules }: Options): CaptionRules {
  const { replace, remove, add, dedupe, sort, keepFirst } = rules;
  return {
    ...(template === undefined ? {} : { template }),
    ...(trigger === undefined ? {} : { trigger }),
    ...{ replace, remove, add, addAt: at, dedupe, sort, keepFirst },
  };
}

/** The options that were given, as they are kept with the edit. */
function describeRules(options: Options): string {
  const { template, replace, remove, add, at, trigger, dedupe, sort, only, where } = options;
  const valued: readonly (readonly [string, string | undefined])[] = [
    ['template', template],
    ...replace.map(text => ['replace', text] as const),
    ...remove.map(text => ['remove', text] as const),
    ...add.map(text => [at === 'start' ? 'at start add' : 'add', text] as const),
    ['trigger', trigger],
    ['only', only],
    ...where.map(text => ['where', text] as const),
  ];
  const said = valued.flatMap(([name, text]) => (text === undefined ? [] : [`${name} "${text}"`]));
  return [...said, ...(dedupe ? ['dedupe'] : []), ...(sort ? ['sort'] : [])].join(', ');
}

const showText = (text: string, sign: string): string[] =>
  text.split(/\r\n|\n|\r/).map(line => `  ${sign} ${oneLine(line)}`);

function describeChange({ path, before, beforeText, afterText }: CaptionChange): string[] {
  const old = before === undefined ? [] : showText(beforeText, '-');
  return [before === undefined ? `${path} (new)` : path, ...old, ...showText(afterText, '+')];
}

function describePlan({ changes, chosen, pictures }: CaptionPlan, all: boolean, isWritten: boolean): string {
  const shown = all || changes.length <= mostShown ? changes : changes.slice(0, mostShown);
  const more = changes.length - shown.length;
  const of = chosen === pictures ? counted(pictures, 'picture') : `${chosen} of ${pictures} pictures`;
  const count = counted(changes.length, 'caption');
  const end = isWritten
    ? `${count} written (${of}); --undo takes this back`
    : changes.length === 0
      ? `nothing would change (${of})`
      : `${count} would change (${of}); nothing is written yet: add --write`;
  const rest = more > 0 ? [`and ${more} more (--all lists all)`] : [];
  return [...shown.flatMap(describeChange), ...rest, end].join('\n');
}

const changeJson = ({ path, before, beforeText, afterText }: CaptionChange) => ({
  path,
  before: before === undefined ? null : beforeText,
  after: afterText,
});

/** The time of an edit; fixed by SOURCE_DATE_EPOCH like all that is written. */
const editTime = (): Date => {
  const fixed = Number(process.env.SOURCE_DATE_EPOCH);
  return process.env.SOURCE_DATE_EPOCH && Number.isFinite(fixed) ? new Date(1000 * fixed) : new Date();
};

async function edit(folder: string, options: Options, terminal: Terminal): Promise<void> {
  const { only, where } = options;
  const query = { rules: rulesOf(options), where, ...(only === undefined ? {} : { only }) };
  const plan = await planCaptionEdits(folder, query);
  for (const { message } of plan.warnings) terminal.note(`warning: ${message}`);
  for (const { path, reason } of plan.skipped) terminal.note(`left out: ${path}: ${reason}`);
  if (plan.skipped.some(({ code }) => code.startsWith('CAPTION_'))) process.exitCode = exitCodes.badInput;
  const isWritten = options.write && plan.changes.length > 0;
  const number = isWritten ? await applyCaptionEdits(plan, describeRules(options), editTime()) : undefined;
  const json = {
    written: isWritten,
    edit: number ?? null,
    pictures: plan.pictures,
    chosen: plan.chosen,
    changes: plan.changes.map(changeJson),
    skipped: plan.skipped,
    warnings: plan.warnings,
  };
  terminal.result(json, describePlan(plan, options.all, isWritten));
}

function describeUndone({ number, what, restored, removed, untouched, kept }: UndoneEdit): string {
  const parts = [
    ...(restored.length > 0 ? [`${counted(restored.length, 'caption')} as before`] : []),
    ...(removed.length > 0 ? [`${removed.length} that it had made removed`] : []),
    ...(untouched.length > 0 ? [`${untouched.length} had the old text already`] : []),
    ...(kept.length > 0 ? [`${kept.length} changed since and left as they are`] : []),
  ];
  return `edit ${number} is undone (${what}): ${parts.join(', ')}`;
}

async function undo(folder: string, terminal: Terminal): Promise<void> {
  const undone = await undoCaptionEdit(folder);
  for (const path of undone.kept)
    terminal.note(`not undone: ${path} was changed since; its newer text stays`);
  if (undone.kept.length > 0) process.exitCode = exitCodes.failure;
  terminal.result(undone, describeUndone(undone));
}

async function history(folder: string, terminal: Terminal): Promise<void> {
  const edits = [];
  for (const entry of await listEdits(folder)) {
    const { what, at, files } = await readEdit(entry);
    edits.push({ number: entry.number, isUndone: entry.isUndone, at, what, captions: files.length });
  }
  const lines = edits.map(
    ({ number, isUndone, at, what, captions }) =>
      `${number}  ${at}  ${counted(captions, 'caption')}${isUndone ? ', undone' : ''}  ${what}`,
  );
  terminal.result(edits, lines.join('\n') || 'no edits');
}

async function run(folder: string, options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  if (Number(options.undo) + Number(options.history) + Number(options.write) > 1)
    throw usageError('OPTION_INVALID', 'give one of --write, --undo and --history');
  if (options.keepFirst < 0)
    throw usageError('OPTION_INVALID', `--keep-first ${options.keepFirst}: give 0 or more`);
  if (options.history) return history(folder, terminal);
  if (!options.undo) return edit(folder, options, terminal);
  if (describeRules(options) !== '')
    throw usageError('OPTION_INVALID', '--undo takes the last edit back and knows no rules');
  return undo(folder, terminal);
}

const ends = { start: 'start', end: 'end' } as const;

export function captionCommand(): Command {
  return new Command('caption')
    .description('edit the captions of a folder by rules; shows what would change, --write writes it')
    .argument('<folder>', 'folder with pictures')
    .optionsGroup('Rules, applied in this order:')
    .option('--template <text>', 'a new caption of {trigger}, {folder}, {name}, {caption}')
    .option('--replace <a=>b>', 'words by other words, or "/regex/i=>b"; may be repeated', collect, [])
    .option('--remove <tags>', 'take tags out; may be repeated', collect, [])
    .option('--add <tags>', 'add tags that are not there yet; may be repeated', collect, [])
    .option('--at <place>', 'where to add: start or end', choiceOption('--at', ends, 'start or end'), 'end')
    .option('--trigger <word>', 'put in front where it is not in the caption')
    .option('--dedupe', 'leave out tags that come again', false)
    .option('--sort', 'tags by alphabet, behind the trigger word', false)
    .option('--keep-first <n>', 'so many tags keep their place in --sort', integerOption('--keep-first'), 0)
    .optionsGroup('Which captions:')
    .option('--only <glob>', 'pictures of these names or paths: "*.png", "10_cat/**"')
    .option('--where <what>', '"has tag", "lacks tag", empty or /regex/; all must hold', collect, [])
    .optionsGroup('What to do:')
    .option('--write', 'write the captions; the old ones are kept for --undo', false)
    .option('--undo', 'take the last edit back', false)
    .option('--history', 'list the edits', false)
    .option('--all', 'show all changes, not the first twenty', false)
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
