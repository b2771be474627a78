/** @file Cards by what pictures of any program call them: a hash first, then a name. */
import type { Card, CardUse, Library, WholeCard } from '../../../library/index.ts';

export interface Wanted {
  readonly name?: string | undefined;
  readonly hash?: string | undefined;
}

const most = 50;

const plain = (name: string): string =>
  (name.replaceAll('\\', '/').split('/').at(-1) ?? '')
    .replace(/\.(?:safetensors|ckpt|pt|bin)$/i, '')
    .trim()
    .toLowerCase();

const stemOf = ({ fileName }: Card): string => plain(fileName);

/** AutoV2 and AutoV3 are beginnings of the two whole hashes; A1111 writes 10 and 12 digits. */
function hasHash({ hashes }: WholeCard, hash: string): boolean {
  const known = [hashes.sha256, hashes.body, hashes.autoV2, hashes.autoV3, hashes.autoV1];
  return known.some(own => own !== undefined && (own.startsWith(hash) || hash.startsWith(own)));
}

function byHash(library: Library, use: CardUse, hash: string): WholeCard | undefined {
  for (const { id } of library.search({ text: hash, use, limit: most }).cards) {
    const card = library.card(id);
    if (card && hasHash(card, hash)) return card;
  }
  return undefined;
}

/** Of several with the name, one that is there. */
function byName(library: Library, use: CardUse, name: string): Card | undefined {
  const wanted = plain(name);
  if (wanted === '') return undefined;
  const called = library
    .search({ text: wanted, use, limit: most })
    .cards.filter(card => stemOf(card) === wanted || card.name.toLowerCase() === wanted);
  return called.find(({ state }) => state === 'present') ?? called[0];
}

export interface FoundCard {
  readonly card: Card;
  /** `name`: nothing else was known, or the file was never hashed. */
  readonly by: 'hash' | 'name';
}

/** A name whose file is known to have another hash is not what is wanted. */
export function findCard(library: Library, use: CardUse, { name, hash }: Wanted): FoundCard | undefined {
  const digits = hash?.trim().toLowerCase();
  const found = digits ? byHash(library, use, digits) : undefined;
  if (found) return { card: found, by: 'hash' };
  const called = name === undefined ? undefined : byName(library, use, name);
  return called && { card: called, by: 'name' };
}
