/** @file Opens the library of a data folder for one command, and finds cards by what people call them. */
import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { badInput, LoraError, nearestWords } from '../../errors.ts';
import { type Card, type Library, openLibrary, type WholeCard } from '../../library/index.ts';
import { dataFolderAt, makeDataFolders, usualDataFolder } from '../../workbench/index.ts';
import { openTerminal, type Terminal } from '../terminal.ts';

export interface CommonOptions {
  readonly json: boolean;
  readonly data?: string;
}

/** `--data` and `--json`, which all of them have. */
export function withCommon(command: Command): Command {
  return command
    .option('--data <folder>', `the studio's data folder (default: ${usualDataFolder()})`)
    .option('--json', 'machine-readable result on stdout', false);
}

export const dataOf = ({ data }: CommonOptions) => dataFolderAt(data ?? usualDataFolder());

/** Runs `work` with the library, and closes it whatever happens. */
export async function withLibrary<T>(
  options: CommonOptions,
  work: (library: Library, terminal: Terminal) => Promise<T> | T,
): Promise<T> {
  const data = dataOf(options);
  makeDataFolders(data);
  const library = openLibrary(data);
  try {
    return await work(library, openTerminal(options.json));
  } finally {
    library.close();
  }
}

const endings = /\.(safetensors|ckpt|pt|pth|bin)$/i;
const stemOf = (fileName: string): string => fileName.replace(endings, '');

/** The names that a card answers to: its own, that of its file, and that with the folders before it. */
function namesOf({ name, fileName, place }: Card): string[] {
  const stem = stemOf(fileName);
  return [name, fileName, stem, ...(place === '' ? [] : [`${place}/${stem}`, `${place}/${fileName}`])];
}

const perPage = 1000;

/** All cards, page by page; those with these words where some are given. */
function* allCards(library: Library, text?: string): Generator<Card> {
  for (let offset = 0; ; offset += perPage) {
    const { cards } = library.search({ text, limit: perPage, offset, sort: 'name' });
    yield* cards;
    if (cards.length < perPage) return;
  }
}

function byPath(library: Library, wanted: string): Card | undefined {
  const path = resolve(wanted);
  const facts = statSync(path, { throwIfNoEntry: false });
  if (!facts) return undefined;
  for (const card of allCards(library)) {
    if (card.state !== 'present' || (facts.isFile() && card.bytes !== facts.size)) continue;
    const other = statSync(library.pathOf(card.id), { throwIfNoEntry: false });
    if (other !== undefined && other.ino === facts.ino && other.dev === facts.dev) return card;
  }
  return undefined;
}

/** A card shows one of its files; the names of its copies lead to it, too. */
function byCopy(library: Library, wanted: string): string | undefined {
  const [plain, path] = [wanted.toLowerCase(), resolve(wanted)];
  const isMeant = (file: string): boolean =>
    file === path || [basename(file), stemOf(basename(file))].some(name => name.toLowerCase() === plain);
  const found = library.duplicates().filter(({ files }) => files.some(isMeant));
  const ids = [...new Set(found.map(({ id }) => id))];
  return ids.length === 1 ? ids[0] : undefined;
}

function ambiguous(wanted: string, cards: readonly Card[]): Error {
  const list = cards
    .slice(0, 8)
    .map(({ id, place, fileName }) => `${id} (${place === '' ? '' : `${place}/`}${fileName})`);
  const more = cards.length > 8 ? ` and ${cards.length - 8} more` : '';
  return badInput(
    'CARD_AMBIGUOUS',
    `${cards.length} cards are called ${wanted}`,
    `Give an id: ${list.join(', ')}${more}.`,
  );
}

function unknown(library: Library, wanted: string): Error {
  const cards = [...allCards(library)];
  if (cards.length <= 1)
    return badInput(
      'CARD_UNKNOWN',
      `the library has no card ${wanted}`,
      'Add a folder: lora library add <folder>.',
    );
  const found = library.search({ text: wanted, limit: 3 }).cards.map(({ name }) => name);
  const near = [...new Set([...found, ...nearestWords(wanted, new Set(cards.flatMap(namesOf)))])].slice(0, 3);
  const hint = near.length > 0 ? `Did you mean ${near.join(', ')}?` : 'See lora library list.';
  return badInput('CARD_UNKNOWN', `the library has no card ${wanted}`, hint);
}

/** A card by its id or the beginning of it, its name, `folder/name`, or the path of its file. Never a guess. */
export function findCard(library: Library, wanted: string): WholeCard {
  const byId = /^([\da-f]{8,}|pocket)$/.test(wanted) ? library.card(wanted) : undefined;
  if (byId) return byId;
  const plain = wanted.replaceAll('\\', '/').toLowerCase();
  const isNamed = (card: Card): boolean => namesOf(card).some(name => name.toLowerCase() === plain);
  const found = [...allCards(library, wanted)].filter(isNamed);
  const named = found.length > 0 ? found : [...allCards(library)].filter(isNamed);
  // Of the same name, the one that is there.
  const present = named.filter(({ state }) => state === 'present');
  const candidates = present.length > 0 ? present : named;
  if (candidates.length > 1) throw ambiguous(wanted, candidates);
  const id = candidates[0]?.id ?? byPath(library, wanted)?.id ?? byCopy(library, wanted);
  const card = id === undefined ? undefined : library.card(id);
  if (card) return card;
  throw unknown(library, wanted);
}

/** The hint of a file that is there, with the option that is here. */
export function withReplace(error: unknown): never {
  const hints: Readonly<Record<string, string>> = {
    WRITE_EXISTS: 'Move it away, or give --replace.',
    SIDE_FILE_DIFFERS: 'Nothing was written. Give --replace, or take over what it says: lora library set.',
  };
  if (!(error instanceof LoraError) || !Object.hasOwn(hints, error.code)) throw error;
  throw new LoraError(error.code, error.message, { hint: hints[error.code], cause: error });
}
