/** @file A query to a page of cards: statements over the index, values never in their text. */
import type { SQLInputValue } from 'node:sqlite';
import type { Card, CardPage, CardQuery } from '../card.ts';
import type { Database, Row } from '../store/database.ts';
import { queryOf } from './words.ts';

const usualLimit = 60;
const mostLimit = 1000;
/** Up to so many matches are sorted; of more, an index that has the order already is read until the page is full. */
const fewMatches = 2000;
/** Words that this many cards have say nothing about which is meant. */
const rankedMatches = 10_000;

/** Weights of name, triggers, tags, text and place. */
const relevance = 'bm25(words, 12, 6, 4, 1, 2)';

type Sort = NonNullable<CardQuery['sort']>;

interface Order {
  readonly by: string;
  /** Has this order. */
  readonly index: string;
}

const orders: Readonly<Record<Sort, Order>> = {
  name: { by: 'cards.sort_name, cards.row', index: 'cards_by_name' },
  newest: { by: 'cards.added DESC, cards.modified DESC, cards.row', index: 'cards_by_age' },
  rating: {
    by: 'cards.rating DESC, cards.favourite DESC, cards.sort_name, cards.row',
    index: 'cards_by_rating',
  },
  size: { by: 'cards.bytes DESC, cards.row', index: 'cards_by_size' },
  /** Without words, what the user likes and what is new. */
  best: {
    by: 'cards.favourite DESC, cards.rating DESC, cards.added DESC, cards.modified DESC, cards.row',
    index: 'cards_by_liking',
  },
};

interface Where {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

/** A folder of the library, or one inside it: `id/place`. */
function inFolder(folder: string): Where {
  const [id] = folder.split('/', 1);
  const place = folder.slice(id.length + 1).replace(/\/+$/, '');
  if (place === '') return { sql: 'cards.folder = ?', values: [id] };
  return {
    sql: '(cards.folder = ? AND (cards.place = ? OR substr(cards.place, 1, ?) = ?))',
    values: [id, place, place.length + 1, `${place}/`],
  };
}

function conditions({ use, family, kind, state, favourite, tag, folder }: CardQuery): Where[] {
  const equal = (column: string, value: string | undefined): Where[] =>
    value === undefined ? [] : [{ sql: `cards.${column} = ?`, values: [value] }];
  return [
    ...equal('use', use),
    ...equal('family', family),
    ...equal('kind', kind),
    ...equal('state', state),
    ...(favourite === undefined ? [] : [{ sql: 'cards.favourite = ?', values: [Number(favourite)] }]),
    ...(tag === undefined
      ? []
      : [{ sql: 'cards.row IN (SELECT row FROM tags WHERE tag = ?)', values: [tag] }]),
    ...(folder === undefined ? [] : [inFolder(folder)]),
  ];
}

const ofWords = (words: string): Where => ({
  sql: 'cards.row IN (SELECT rowid FROM words WHERE words MATCH ?)',
  values: [words],
});

const all = (wheres: readonly Where[]): Where => ({
  sql: wheres.length > 0 ? `WHERE ${wheres.map(({ sql }) => sql).join(' AND ')}` : '',
  values: wheres.flatMap(({ values }) => values),
});

const bounded = (value: number | undefined, usual: number, most: number): number =>
  Number.isInteger(value) ? Math.max(0, Math.min(value as number, most)) : usual;

/** Cards of a training are of a series once there are two of them. */
function withSeries(db: Database, row: Row): Card {
  const card = JSON.parse(String(row.card)) as Card;
  const series = String(row.series);
  if (card.use !== 'lora') return card;
  const others = db.all('SELECT row FROM cards WHERE series = ? LIMIT 2', series).length;
  return others > 1 ? { ...card, series } : card;
}

function countOf(db: Database, wheres: readonly Where[], words: string | undefined): number {
  const others = all(wheres);
  const counted =
    words === undefined
      ? db.get(`SELECT count(*) AS n FROM cards ${others.sql}`, ...others.values)
      : wheres.length === 0
        ? db.get('SELECT count(*) AS n FROM words WHERE words MATCH ?', words)
        : db.get(
            `SELECT count(*) AS n FROM words CROSS JOIN cards ON cards.row = words.rowid ${others.sql} AND words MATCH ?`,
            ...others.values,
            words,
          );
  return Number(counted?.n);
}

interface Page {
  readonly limit: number;
  readonly offset: number;
}

/**
 * The best of each series among the matches: what is there before what is missing, then the furthest, the newest. In the
 * order of how well `ranked` words fit, or else in that which is told.
 */
function oneOfEach(
  db: Database,
  wheres: readonly Where[],
  { order, ranked }: { readonly order: Order; readonly ranked: string | undefined },
  { limit, offset }: Page,
): CardPage {
  const { sql, values } = all(wheres);
  const chosen = `WITH chosen AS (SELECT cards.row AS row,
     max(format('%d%020.2f%020d', cards.state = 'present', cards.step, cards.modified)) AS best
   FROM cards ${sql} GROUP BY cards.series)`;
  const total = db.get(`${chosen} SELECT count(*) AS n FROM chosen`, ...values);
  const rows = db.all(
    ranked === undefined
      ? `${chosen} SELECT cards.card, cards.series FROM chosen JOIN cards ON cards.row = chosen.row
         ORDER BY ${order.by} LIMIT ? OFFSET ?`
      : `${chosen}, fits AS MATERIALIZED (SELECT rowid AS row, ${relevance} AS rank FROM words WHERE words MATCH ?)
         SELECT cards.card, cards.series FROM chosen JOIN cards ON cards.row = chosen.row
         JOIN fits ON fits.row = chosen.row ORDER BY fits.rank, cards.row LIMIT ? OFFSET ?`,
    ...values,
    ...(ranked === undefined ? [] : [ranked]),
    limit,
    offset,
  );
  return { total: Number(total?.n), cards: rows.map(row => withSeries(db, row)) };
}

/** The page in the order of how well the words fit. */
function byRelevance(db: Database, wheres: readonly Where[], words: string, { limit, offset }: Page): Row[] {
  const { sql, values } = all(wheres);
  const among = wheres.length > 0 ? `AND rowid IN (SELECT row FROM cards ${sql})` : '';
  return db.all(
    `WITH page AS (SELECT rowid AS row, ${relevance} AS rank FROM words WHERE words MATCH ? ${among}
       ORDER BY rank, row LIMIT ? OFFSET ?)
     SELECT cards.card, cards.series FROM page JOIN cards ON cards.row = page.row ORDER BY page.rank, page.row`,
    words,
    ...values,
    limit,
    offset,
  );
}

function inOrder(db: Database, wheres: readonly Where[], order: Order, isMany: boolean, page: Page): Row[] {
  const { sql, values } = all(wheres);
  // SQLite would sort what the index has in order.
  const from = isMany ? `cards INDEXED BY ${order.index}` : 'cards';
  return db.all(
    `SELECT cards.card, cards.series FROM ${from} ${sql} ORDER BY ${order.by} LIMIT ? OFFSET ?`,
    ...values,
    page.limit,
    page.offset,
  );
}

/** Filters that may leave out the best of a series and keep another. */
const dividesSeries = ({ state, favourite, tag, folder }: CardQuery, words: string | undefined): boolean =>
  words !== undefined || [state, favourite, tag, folder].some(value => value !== undefined);

/** One page of the cards that match. */
export function searchCards(db: Database, query: CardQuery): CardPage {
  const words = query.text === undefined ? undefined : queryOf(query.text);
  const page = {
    limit: bounded(query.limit, usualLimit, mostLimit),
    offset: bounded(query.offset, 0, Number.MAX_SAFE_INTEGER),
  };
  const sort = query.sort ?? (words === undefined ? 'name' : 'best');
  const order = orders[sort];
  const wheres = conditions(query);
  const withWords = words === undefined ? wheres : [ofWords(words), ...wheres];
  const matches = query.grouped && !dividesSeries(query, words) ? undefined : countOf(db, wheres, words);
  if (query.grouped && matches !== undefined && matches <= fewMatches)
    return oneOfEach(db, withWords, { order, ranked: sort === 'best' ? words : undefined }, page);
  // Of very many, those that are the best of their series anyway.
  const heads: Where[] = query.grouped ? [{ sql: 'cards.head = 1', values: [] }] : [];
  const total = matches === undefined || query.grouped ? countOf(db, [...heads, ...wheres], words) : matches;
  const isRanked = words !== undefined && sort === 'best' && total <= rankedMatches;
  const rows = isRanked
    ? byRelevance(db, [...heads, ...wheres], words, page)
    : inOrder(db, [...heads, ...withWords], order, total > fewMatches, page);
  return { total, cards: rows.map(row => withSeries(db, row)) };
}
