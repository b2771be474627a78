/** @file How many cards there are of what, for filters. */
import type { CardUse, Facets } from '../card.ts';
import type { Database } from '../store/database.ts';

type Counted = Facets['tags'];

const mostTags = 200;

/** Counts of a use, or of all. */
export function facetsOf(db: Database, use?: CardUse): Facets {
  const where = use === undefined ? '' : 'WHERE use = ?';
  const values = use === undefined ? [] : [use];
  const counted = (rows: readonly Readonly<Record<string, unknown>>[]): Counted =>
    rows.map(({ value, n }) => ({ value: String(value), count: Number(n) }));
  const by = (column: string): Counted =>
    counted(
      db.all(
        `SELECT ${column} AS value, count(*) AS n FROM cards ${where} GROUP BY value ORDER BY n DESC, value`,
        ...values,
      ),
    ).filter(({ value }) => value !== '');
  const tags = db.all(
    `SELECT tag AS value, count(*) AS n FROM tags ${where} GROUP BY tag ORDER BY n DESC, tag LIMIT ${mostTags}`,
    ...values,
  );
  return { families: by('family'), kinds: by('kind'), tags: counted(tags), folders: by('folder') };
}
