/** @file Files that are there more than once: those whose whole tensors were compared, and those that look alike. */
import type { CardHashes, Duplicate } from '../card.ts';
import type { Database } from '../store/database.ts';

interface Copy {
  readonly path: string;
  readonly bytes: number;
  /** Of all its tensors, where they were read; that of a folder is of one of its files only. */
  readonly body: string | undefined;
}

/** Files of each card that has several; the same file by two names takes no room twice. */
function copiesOf(db: Database): Map<string, Copy[]> {
  const rows = db.all(
    `SELECT card, path, bytes, stamp, facts, hashes FROM files WHERE state = 'present' AND card IN
       (SELECT card FROM files WHERE state = 'present' GROUP BY card HAVING count(DISTINCT stamp) > 1)
     ORDER BY card, path`,
  );
  const cards = new Map<string, Map<string, Copy>>();
  for (const { card, path, bytes, stamp, facts, hashes } of rows) {
    const copies = cards.get(String(card)) ?? new Map<string, Copy>();
    cards.set(String(card), copies);
    const { body } = JSON.parse(String(hashes)) as CardHashes;
    const isFile = (JSON.parse(String(facts)) as { is: string }).is === 'file';
    const before = copies.get(String(stamp));
    if (before && (before.body !== undefined || body === undefined)) continue;
    const known = isFile ? body : undefined;
    copies.set(String(stamp), { path: before?.path ?? String(path), bytes: Number(bytes), body: known });
  }
  return new Map([...cards].map(([id, copies]) => [id, [...copies.values()]]));
}

function groupOf(id: string, copies: readonly Copy[], isSame: boolean): Duplicate {
  const sizes = copies.map(({ bytes }) => bytes);
  const bytes = sizes.reduce((sum, size) => sum + size, 0) - Math.max(...sizes);
  return { id, files: copies.map(({ path }) => path), bytes, isSame };
}

function groupsOf(id: string, copies: readonly Copy[]): Duplicate[] {
  const bodies = Map.groupBy(
    copies.filter(({ body }) => body !== undefined),
    ({ body }) => body,
  );
  const same = [...bodies.values()].filter(group => group.length > 1);
  const unread = copies.filter(({ body }) => body === undefined);
  // Each of those that were read stands for its like.
  const alike = unread.length > 0 ? [...[...bodies.values()].map(([first]) => first), ...unread] : [];
  return [
    ...same.map(group => groupOf(id, group, true)),
    ...(alike.length > 1 ? [groupOf(id, alike, false)] : []),
  ];
}

/** Those that are the same first, then by what the copies take. */
export const duplicatesIn = (db: Database): Duplicate[] =>
  [...copiesOf(db)]
    .flatMap(([id, copies]) => groupsOf(id, copies))
    .sort((a, b) => Number(b.isSame) - Number(a.isSame) || b.bytes - a.bytes);
