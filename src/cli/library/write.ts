/** @file `lora library set|preview|side-files`: what the user writes of cards, and what other programs get of it. */
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { nearestWords, usageError } from '../../errors.ts';
import {
  type Card,
  type CardEdit,
  exportPreview,
  nameSets,
  type WrittenSideDialect,
  writeSideFile,
  writtenSideDialects,
} from '../../library/index.ts';
import { field } from '../../workbench/index.ts';
import { collect, integerOption, numberOption } from '../numbers.ts';
import { cardArgument } from './look.ts';
import { describeCard } from './report.ts';
import { type CommonOptions, findCard, withCommon, withLibrary, withReplace } from './with-library.ts';

interface SetOptions extends CommonOptions {
  readonly name?: string;
  readonly trigger: readonly string[];
  readonly negative?: string;
  readonly strength?: number;
  readonly notes?: string;
  readonly description?: string;
  readonly license?: string;
  readonly author?: string;
  readonly tag: readonly string[];
  readonly untag: readonly string[];
  readonly rating?: number;
  readonly favourite?: boolean;
  readonly reset: readonly (keyof typeof resettable)[];
}

/** What can be taken back to what the file and its side files say. */
const resettable = {
  name: 'name',
  trigger: 'triggers',
  tag: 'tags',
  description: 'description',
  strength: 'strength',
  license: 'license',
  author: 'author',
} as const satisfies Readonly<Record<string, keyof CardEdit>>;

function resetOption(name: string, before: readonly string[]): string[] {
  if (Object.hasOwn(resettable, name)) return [...before, name];
  const names = Object.keys(resettable);
  const [near] = nearestWords(name, names);
  throw usageError(
    'OPTION_INVALID',
    `--reset ${name}: give ${names.join(', ')}`,
    near && `Did you mean ${near}?`,
  );
}

const withoutUndefined = (edit: CardEdit): CardEdit =>
  Object.fromEntries(Object.entries(edit).filter(([, value]) => value !== undefined));

/** Negative words belong to the first set. */
function triggersFrom({ trigger, negative }: SetOptions, card: Card): CardEdit['triggers'] {
  if (trigger.length === 0 && negative === undefined) return undefined;
  const sets = trigger.length > 0 ? nameSets(trigger.map(words => ({ words }))) : card.triggers;
  if (negative !== undefined && sets.length === 0)
    throw usageError(
      'SET_NO_TRIGGER',
      `${card.name} has no trigger words for --negative`,
      'Give --trigger, too.',
    );
  return sets.map((set, i) => (i === 0 && negative !== undefined ? { ...set, negative } : set));
}

function tagsFrom({ tag, untag }: SetOptions, { tags }: Card): readonly string[] | undefined {
  if (tag.length + untag.length === 0) return undefined;
  const gone = new Set(untag.map(one => one.toLowerCase()));
  return [...new Set([...tags, ...tag])].filter(one => !gone.has(one.toLowerCase()));
}

function editOf(options: SetOptions, card: Card): CardEdit {
  const { name, strength, notes, description, license, author, rating, favourite, reset } = options;
  const edit = withoutUndefined({
    ...{ name, strength, notes, description, license, author, rating, favourite },
    triggers: triggersFrom(options, card),
    tags: tagsFrom(options, card),
    ...Object.fromEntries(reset.map(field => [resettable[field], null])),
  });
  if (Object.keys(edit).length > 0) return edit;
  throw usageError(
    'SET_NOTHING',
    'nothing is to be set',
    'Give --trigger, --notes, --tag, --rating … or --reset.',
  );
}

async function set(wanted: string, options: SetOptions): Promise<void> {
  await withLibrary(options, (library, terminal) => {
    const before = findCard(library, wanted);
    const card = library.edit(before.id, editOf(options, before));
    const path = card.state === 'present' ? library.pathOf(card.id) : undefined;
    terminal.result(card, describeCard(card, path).join('\n'));
  });
}

interface PreviewOptions extends CommonOptions {
  readonly remove: boolean;
  readonly beside: boolean;
  readonly replace: boolean;
}

async function preview(wanted: string, picture: string | undefined, options: PreviewOptions): Promise<void> {
  if (picture !== undefined && options.remove)
    throw usageError('OPTION_CONFLICT', 'give a picture or --remove, not both');
  if (picture === undefined && !options.remove && !options.beside)
    throw usageError('PREVIEW_NOTHING', 'nothing is to be done', 'Give a picture, --remove or --beside.');
  await withLibrary(options, async (library, terminal) => {
    const { id, name } = findCard(library, wanted);
    if (picture !== undefined) await library.setPreview(id, readFileSync(picture));
    if (options.remove) await library.setPreview(id, undefined);
    const shown = await library.preview(id);
    if (options.beside && shown === undefined)
      throw usageError('PREVIEW_NONE', `${name} has no preview to write`, 'Give a picture.');
    const written =
      options.beside && shown
        ? await exportPreview(library.pathOf(id), shown, { replace: options.replace }).catch(withReplace)
        : undefined;
    const text = [
      ...(picture === undefined ? [] : [`${name} shows ${picture} now`]),
      ...(options.remove
        ? [`${name} shows ${shown ? 'what lies beside its file or in it' : 'nothing'} now`]
        : []),
      ...(written === undefined ? [] : [`wrote ${written}`]),
    ];
    terminal.result(
      { id, hasPreview: shown !== undefined, ...(written ? { written } : {}) },
      text.join('\n'),
    );
  });
}

interface SideOptions extends CommonOptions {
  readonly write?: WrittenSideDialect;
  readonly replace: boolean;
}

async function sideFiles(wanted: string, options: SideOptions): Promise<void> {
  await withLibrary(options, async (library, terminal) => {
    const card = findCard(library, wanted);
    const path = library.pathOf(card.id);
    if (options.write !== undefined) {
      const written = await writeSideFile(options.write, path, card, { replace: options.replace }).catch(
        withReplace,
      );
      return terminal.result({ id: card.id, dialect: options.write, written }, `wrote ${written}`);
    }
    const files = card.sideFiles.flatMap(({ name, dialect }) => field(dialect, name));
    const findings = card.findings.flatMap(({ level, text }) => field(level, text));
    const none = 'nothing of other programs lies beside it; --write a1111 or --write lora-manager makes it';
    const lines = [path, ...(files.length > 0 ? files : [`  ${none}`]), ...findings];
    return terminal.result(
      { id: card.id, path, sideFiles: card.sideFiles, findings: card.findings },
      lines.join('\n'),
    );
  });
}

export const writeCommands = (): Command[] => [
  withCommon(
    new Command('set')
      .description('write of a card; it stays in the library, files are not touched')
      .argument('<card>', cardArgument)
      .option('--name <name>', 'what it is called here')
      .option('--trigger <words>', 'its trigger words; again for another set', collect, [])
      .option('--negative <words>', 'what the negative prompt needs with it')
      .option('--strength <number>', 'the strength that is best', numberOption('--strength'))
      .option('--notes <text>', 'your notes')
      .option('--description <text>', 'what it is')
      .option('--tag <tag>', 'add a tag; may be given more than once', collect, [])
      .option('--untag <tag>', 'take a tag away; may be given more than once', collect, [])
      .option('--rating <stars>', '0 (none) to 5', integerOption('--rating'))
      .option('--favourite', 'make it a favourite')
      .option('--no-favourite', 'make it none')
      .option('--license <name>', 'under which licence it may be used')
      .option('--author <name>', 'who made it')
      .option(
        '--reset <field>',
        `back to what the file says: ${Object.keys(resettable).join(', ')}`,
        resetOption,
        [],
      ),
  ).action(set),
  withCommon(
    new Command('preview')
      .description('the picture of a card')
      .argument('<card>', cardArgument)
      .argument('[picture]', 'kept in the data folder; the file and what is beside it are not touched')
      .option('--remove', 'take it away again', false)
      .option('--beside', 'write X.preview.png beside the file, for other programs', false)
      .option('--replace', 'also where there is one', false),
  ).action(preview),
  withCommon(
    new Command('side-files')
      .description('what other programs wrote beside a file, or write it for them')
      .argument('<card>', cardArgument)
      .addOption(
        new Option(
          '--write <program>',
          'X.json of A1111 and Forge, or X.metadata.json of LoRA-Manager',
        ).choices(writtenSideDialects),
      )
      .option('--replace', 'also where somebody wrote something else there', false),
  ).action(sideFiles),
];
