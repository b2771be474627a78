/** @file Checkpoints and LoRAs under the names that A1111's clients use: `name.safetensors [hash]`. */
import { badInput, nearestWords } from '../../../errors.ts';
import type { Card, Library, WholeCard } from '../../../library/index.ts';
import type { StudioContext } from '../../context.ts';

const page = 1000;

/** All cards of a use that are there. */
export function cardsOf(library: Library, use: Card['use']): Card[] {
  const cards: Card[] = [];
  for (let offset = 0; ; offset += page) {
    const found = library.search({ use, state: 'present', sort: 'name', limit: page, offset });
    cards.push(...found.cards);
    if (found.cards.length < page) return cards;
  }
}

const hashOf = ({ hashes }: WholeCard): string | null => hashes.sha256?.slice(0, 10) ?? hashes.autoV2 ?? null;

const plain = (text: string): string =>
  text
    .toLowerCase()
    .replace(/\s*\[[0-9a-f]+\]\s*$/, '')
    .trim();

export function modelOf(card: WholeCard): object {
  const hash = hashOf(card);
  return {
    title: hash ? `${card.fileName} [${hash}]` : card.fileName,
    // `name` is what the npm client looks for.
    ...{ model_name: card.name, name: card.name },
    ...{ hash, sha256: card.hashes.sha256 ?? null },
    // Names, not paths: where files lie is nobody's business but the owner's.
    ...{ filename: card.fileName, config: null },
  };
}

export const titleOf = (card: WholeCard): string => (modelOf(card) as { title: string }).title;

/** The checkpoint that a client means by title, file name, name or hash. Throws CHECKPOINT_UNKNOWN with near names. */
export function findCheckpoint(context: StudioContext, named: string): Card {
  const found = seekCheckpoint(context, named);
  if (found) return found;
  const near = nearestWords(
    plain(named),
    cardsOf(context.library, 'checkpoint').map(({ name }) => name),
  );
  const hint =
    near.length > 0
      ? `Meant was perhaps ${near.join(' or ')}.`
      : 'GET /sdapi/v1/sd-models lists what is there.';
  throw badInput('CHECKPOINT_UNKNOWN', `there is no checkpoint "${named}"`, hint);
}

/** As `findCheckpoint`, without an error. */
export function seekCheckpoint({ library }: StudioContext, named: string): Card | undefined {
  const cards = cardsOf(library, 'checkpoint');
  const wanted = plain(named);
  const hash =
    /\[([0-9a-f]{6,64})\]\s*$/i.exec(named)?.[1].toLowerCase() ??
    (/^[0-9a-f]{8,64}$/.test(wanted) ? wanted : undefined);
  const names = (card: Card): string[] =>
    [card.fileName, card.name, card.fileName.replace(/\.\w+$/, ''), card.id].map(plain);
  const found = cards.find(card => names(card).includes(wanted));
  if (found) return found;
  const byHash = hash && cards.find(({ id }) => library.card(id)?.hashes.sha256?.startsWith(hash));
  return byHash || undefined;
}
