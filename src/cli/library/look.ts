/** @file `lora library list|show|duplicates|hash`: looking at cards. */
import { Command, Option } from 'commander';
import { LoraError, nearestWords, usageError } from '../../errors.ts';
import type { CardQuery, CardUse, Duplicate, Facets, Library } from '../../library/index.ts';
import { counted, showBytes } from '../../workbench/index.ts';
import { integerOption } from '../numbers.ts';
import { interruptible } from '../terminal.ts';
import { uses } from './folders.ts';
import { describeCard, describeCards } from './report.ts';
import { type CommonOptions, findCard, withCommon, withLibrary } from './with-library.ts';

interface ListOptions extends CommonOptions {
  readonly use?: CardUse;
  readonly family?: string;
  readonly kind?: string;
  readonly tag?: string;
  readonly favourite?: boolean;
  readonly missing?: boolean;
  readonly sort?: NonNullable<CardQuery['sort']>;
  readonly limit: number;
  readonly grouped: boolean;
}

/** A filter's value as cards have it; capitals do not count. Throws FILTER_UNKNOWN with the nearest. */
function knownValue(
  facets: Facets,
  filter: 'families' | 'kinds' | 'tags',
  option: string,
  wanted: string | undefined,
): string | undefined {
  if (wanted === undefined) return undefined;
  const values = facets[filter].map(({ value }) => value);
  const found = values.find(value => value.toLowerCase() === wanted.toLowerCase());
  if (found !== undefined) return found;
  // Only the most frequent tags are counted.
  if (filter === 'tags') return wanted;
  const near = nearestWords(wanted, values);
  const hint = `${near.length > 0 ? `Did you mean ${near.join(', ')}? ` : ''}Here are: ${values.join(', ') || 'none'}.`;
  throw usageError('FILTER_UNKNOWN', `no card has ${option} ${wanted}`, hint);
}

async function list(words: readonly string[], options: ListOptions): Promise<void> {
  await withLibrary(options, (library, terminal) => {
    const { use, favourite, missing, sort, limit, grouped } = options;
    const facets = library.facets(use);
    const text = words.join(' ');
    const page = library.search({
      text: text === '' ? undefined : text,
      ...{ use, favourite, sort, limit, grouped },
      state: missing ? 'missing' : undefined,
      family: knownValue(facets, 'families', '--family', options.family),
      kind: knownValue(facets, 'kinds', '--kind', options.kind),
      tag: knownValue(facets, 'tags', '--tag', options.tag),
    });
    terminal.result(page, describeCards(page.cards, page.total).join('\n'));
  });
}

/** Nothing where the file is away. */
function pathIfThere(library: Library, id: string): string | undefined {
  try {
    return library.pathOf(id);
  } catch (error) {
    if (error instanceof LoraError && error.code === 'CARD_MISSING') return undefined;
    throw error;
  }
}

async function show(wanted: string, options: CommonOptions): Promise<void> {
  await withLibrary(options, (library, terminal) => {
    const card = findCard(library, wanted);
    const path = pathIfThere(library, card.id);
    terminal.result(
      { ...card, ...(path === undefined ? {} : { path }) },
      describeCard(card, path).join('\n'),
    );
  });
}

async function duplicates(options: CommonOptions): Promise<void> {
  await withLibrary(options, (library, terminal) => {
    const groups = library.duplicates();
    const part = (list: readonly Duplicate[], sum: (count: number, bytes: string) => string): string[] => {
      const bytes = list.reduce((total, group) => total + group.bytes, 0);
      const lines = list.flatMap(({ id, files }) => [
        `${library.card(id)?.name ?? id} (${id})`,
        ...files.map(file => `  ${file}`),
      ]);
      return list.length === 0 ? [] : [...lines, sum(list.length, showBytes(bytes))];
    };
    const lines = [
      ...part(
        groups.filter(({ isSame }) => isSame),
        (count, bytes) => `${counted(count, 'model')} more than once; the copies take ${bytes}`,
      ),
      ...part(
        groups.filter(({ isSame }) => !isSame),
        (count, bytes) =>
          `${counted(count, 'model')} with files that look alike (${bytes}); to be sure: lora library hash ID`,
      ),
    ];
    terminal.result(groups, groups.length === 0 ? 'no file is there twice' : lines.join('\n'));
  });
}

async function hash(wanted: string, options: CommonOptions): Promise<void> {
  await withLibrary(options, async (library, terminal) => {
    const { id, name } = findCard(library, wanted);
    terminal.progress(`reading ${name}`);
    const signal = interruptible(() => terminal.note('stopping'));
    const hashes = await library.hash(id, signal, { copies: true });
    const rows = {
      AutoV1: hashes.autoV1,
      AutoV2: hashes.autoV2,
      AutoV3: hashes.autoV3,
      SHA256: hashes.sha256,
    };
    const lines = Object.entries(rows).flatMap(([key, value]) =>
      value === undefined ? [] : [`${key}  ${value}`],
    );
    terminal.result({ id, ...hashes }, lines.join('\n'));
  });
}

/** A word of a list, with the nearest in the hint. */
const oneOf =
  (name: string, words: readonly string[]) =>
  (text: string): string => {
    if (words.includes(text)) return text;
    const [near] = nearestWords(text, words);
    const hint = near ? `Did you mean ${near}?` : `One of them, as in ${name} ${words[0]}.`;
    throw usageError('OPTION_INVALID', `${name} ${text}: give ${words.join(', ')}`, hint);
  };

const mostCards = 1000;
function limitOption(text: string): number {
  const limit = integerOption('--limit')(text);
  if (limit >= 1 && limit <= mostCards) return limit;
  throw usageError('OPTION_INVALID', `--limit ${text}: give a number from 1 to ${mostCards}`);
}

const sorts = ['best', 'name', 'newest', 'rating', 'size'] as const;
export const cardArgument = 'its id or the beginning of it, its name, folder/name, or the path of its file';

export const lookCommands = (): Command[] => [
  withCommon(
    new Command('list')
      .alias('search')
      .description('cards with all of these words, which may be beginnings')
      .argument('[words...]', 'of names, trigger words, tags, notes, folders')
      .addOption(new Option('--use <use>', 'of one use').argParser(oneOf('--use', uses)))
      .option('--family <family>', 'for one family: SD 1.x, SDXL …')
      .option('--kind <kind>', 'of one kind: LoRA, LoHa …')
      .option('--tag <tag>', 'with a tag')
      .option('--favourite', 'your favourites only')
      .option('--missing', 'those whose file is away')
      .addOption(new Option('--sort <order>', 'in which order').argParser(oneOf('--sort', sorts)))
      .option('--limit <number>', 'how many', limitOption, 40)
      .option('--grouped', 'one for all files of a training, the newest', false),
  ).action(list),
  withCommon(
    new Command('show').description('all that is known of one').argument('<card>', cardArgument),
  ).action(show),
  withCommon(
    new Command('duplicates').description('files with the same tensors, and those that look alike'),
  ).action(duplicates),
  withCommon(
    new Command('hash')
      .description('read a whole file, and its copies, and keep their hashes')
      .argument('<card>', cardArgument),
  ).action(hash),
];
