/** @file Places in the queue: whole numbers with room between them; where there is none left, they are numbered anew. */
import type { Store } from './store.ts';

/** Twenty times in a row something fits between two neighbours. */
const spacing = 2 ** 20;

type Neighbour = 'max' | 'min';

function rankOf(store: Store, which: Neighbour, precedence: number, beyond?: number): number | undefined {
  const side = beyond === undefined ? '' : which === 'max' ? 'AND rank < $beyond' : 'AND rank > $beyond';
  const row = store.get(
    `SELECT ${which}(rank) AS rank FROM jobs WHERE precedence = $precedence AND endedAt IS NULL ${side}`,
    { precedence, ...(beyond === undefined ? {} : { beyond }) },
  );
  return (row?.rank as number | null) ?? undefined;
}

export function lastRank(store: Store, precedence: number): number {
  return (rankOf(store, 'max', precedence) ?? 0) + spacing;
}

export function firstRank(store: Store, precedence: number): number {
  return (rankOf(store, 'min', precedence) ?? 0) - spacing;
}

/** A rank right before or after that of a job, among those that have not ended. */
export function rankBeside(store: Store, job: string, side: 'before' | 'after'): number {
  const own = (): { precedence: number; rank: number } =>
    store.get(`SELECT precedence, rank FROM jobs WHERE id = $job`, { job }) as never;
  const { precedence } = own();
  const between = (): number | undefined => {
    const { rank } = own();
    const neighbour = rankOf(store, side === 'before' ? 'max' : 'min', precedence, rank);
    if (neighbour === undefined) return side === 'before' ? rank - spacing : rank + spacing;
    const middle = Math.floor((rank + neighbour) / 2);
    return middle === rank || middle === neighbour ? undefined : middle;
  };
  const free = between();
  if (free !== undefined) return free;
  numberAnew(store, precedence);
  return between() as number;
}

function numberAnew(store: Store, precedence: number): void {
  store.run(
    `UPDATE jobs SET rank = numbered.place * $spacing
     FROM (SELECT id, row_number() OVER (ORDER BY rank, rowid) AS place
           FROM jobs WHERE precedence = $precedence AND endedAt IS NULL) AS numbered
     WHERE jobs.id = numbered.id`,
    { precedence, spacing },
  );
}
