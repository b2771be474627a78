/** @file Rows of the tables to jobs, and the list in its order. */
import type { Artefact, Job, JobFilter, JobId, JobPage, JobState } from '../queue.ts';
import { jobStates } from '../queue.ts';
import { corruptError } from './sqlite-errors.ts';
import type { Row, Store, Values } from './store.ts';

const columns = `j.*, c.payload, c.result FROM jobs j JOIN contents c ON c.job = j.id`;

function fromJson(store: Store, text: unknown): unknown {
  if (text === null) return undefined;
  try {
    return JSON.parse(text as string);
  } catch (cause) {
    throw corruptError(store.file, (cause as Error).message);
  }
}

function toJob(store: Store, row: Row, artefacts: readonly Artefact[], position: number | undefined): Job {
  const json = <T>(name: string): T => fromJson(store, row[name]) as T;
  const maybe = <T>(name: string): T | undefined => (row[name] as T | null) ?? undefined;
  return {
    id: row.id as string,
    kind: row.kind as Job['kind'],
    title: row.title as string,
    payload: json('payload'),
    state: row.state as JobState,
    priority: 0 - (row.precedence as number),
    position,
    attempt: row.attempt as number,
    faults: row.faults as number,
    maxAttempts: row.maxAttempts as number,
    after: json('needed'),
    createdAt: row.createdAt as number,
    startedAt: maybe('startedAt'),
    endedAt: maybe('endedAt'),
    progress: json('progress'),
    error: json('error'),
    asked: maybe('asked'),
    artefacts,
    result: json('result'),
  };
}

/** Positions of queued rows: the first is counted from the front, each other one from the one before it. */
function positionsOf(store: Store, rows: readonly Row[]): Map<unknown, number> {
  const queued = rows
    .filter(({ state }) => state === 'queued')
    .sort(
      (a, b) =>
        (a.precedence as number) - (b.precedence as number) || (a.rank as number) - (b.rank as number),
    );
  const positions = new Map<unknown, number>();
  let [precedence, rank, position] = [Number.MIN_SAFE_INTEGER, 0, 0];
  for (const row of queued) {
    const between = store.get(
      `SELECT count(*) AS count FROM jobs WHERE state = 'queued'
       AND (precedence, rank) > ($precedence, $rank) AND (precedence, rank) <= ($toPrecedence, $toRank)`,
      { precedence, rank, toPrecedence: row.precedence as number, toRank: row.rank as number },
    );
    position += between?.count as number;
    positions.set(row.id, position);
    [precedence, rank] = [row.precedence as number, row.rank as number];
  }
  return positions;
}

function artefactsOf(store: Store, ids: readonly unknown[]): Map<unknown, Artefact[]> {
  const found = new Map<unknown, Artefact[]>();
  const rows = store.all(
    `SELECT a.* FROM json_each($ids) i JOIN artefacts a ON a.job = i.value ORDER BY a.job, a.place`,
    { ids: JSON.stringify(ids) },
  );
  for (const { job, name, type, path, bytes, sha256 } of rows) {
    const own = found.get(job) ?? [];
    own.push({ name, type, path, bytes, sha256 } as Artefact);
    found.set(job, own);
  }
  return found;
}

function jobsOf(store: Store, rows: readonly Row[]): Job[] {
  const done = rows.filter(({ state }) => state === 'done').map(({ id }) => id);
  const artefacts = done.length > 0 ? artefactsOf(store, done) : new Map<unknown, Artefact[]>();
  const positions = positionsOf(store, rows);
  return rows.map(row => toJob(store, row, artefacts.get(row.id) ?? [], positions.get(row.id)));
}

/** Those of these jobs that are there, in the order of the ids. */
export function readJobs(store: Store, ids: readonly JobId[]): Job[] {
  const rows = store.all(`SELECT ${columns} JOIN json_each($ids) i ON i.value = j.id ORDER BY i.key`, {
    ids: JSON.stringify(ids),
  });
  return jobsOf(store, rows);
}

/** Parts of the list, in their order; each is read along an index. */
const parts: readonly { readonly states: readonly JobState[]; readonly order: string }[] = [
  { states: ['running'], order: 'j.startedAt, j.id' },
  { states: ['queued'], order: 'j.precedence, j.rank' },
  { states: ['paused'], order: 'j.precedence, j.rank' },
  { states: ['done', 'failed', 'cancelled'], order: 'j.endedAt DESC, j.rowid DESC' },
];

const usualLimit = 100;

interface Choice {
  /** The planner cannot know that few of very many are wanted. */
  readonly index: string;
  readonly where: string;
  readonly values: Values;
}

function choiceOf({ kinds, ids }: JobFilter, states: readonly JobState[]): Choice {
  const isEnded = states.length > 0 && states.every(state => parts[3]?.states.includes(state));
  const among = states.map(state => `'${state}'`).join(', '); // words of the port, not of callers
  const clauses = [
    isEnded ? `j.endedAt IS NOT NULL AND j.state IN (${among})` : `j.state IN (${among})`,
    ...(kinds ? ['j.kind IN (SELECT value FROM json_each($kinds))'] : []),
    ...(ids ? ['j.id IN (SELECT value FROM json_each($ids))'] : []),
  ];
  const values = {
    ...(kinds ? { kinds: JSON.stringify(kinds) } : {}),
    ...(ids ? { ids: JSON.stringify(ids) } : {}),
  };
  return { index: isEnded && !ids ? 'INDEXED BY jobsEnded' : '', where: clauses.join(' AND '), values };
}

/** The number of the last event; 0 before the first. */
export function lastSeq(store: Store): number {
  return (store.get(`SELECT seq FROM sqlite_sequence WHERE name = 'events'`)?.seq as number | undefined) ?? 0;
}

/** Which rows first, along an index; what is skipped is not read. */
function pageOf(
  store: Store,
  { index, where, values, order }: Choice & { readonly order: string },
  room: number,
  skip: number,
): Row[] {
  const places = store.all(
    `SELECT j.rowid AS place FROM jobs j ${index} WHERE ${where} ORDER BY ${order} LIMIT $room OFFSET $skip`,
    { ...values, room, skip },
  );
  return store.all(`SELECT ${columns} JOIN json_each($places) p ON p.value = j.rowid ORDER BY p.key`, {
    places: JSON.stringify(places.map(({ place }) => place)),
  });
}

export function listJobs(store: Store, filter: JobFilter): JobPage {
  const wanted: readonly JobState[] = filter.states ?? jobStates;
  let total = 0;
  let skip = Math.max(0, Math.floor(filter.offset ?? 0));
  let room = Math.max(0, Math.floor(filter.limit ?? usualLimit));
  const rows: Row[] = [];
  for (const { states, order } of parts) {
    const asked = states.filter(state => wanted.includes(state));
    if (asked.length === 0) continue;
    const choice = choiceOf(filter, asked);
    const { index, where, values } = choice;
    const count = store.get(`SELECT count(*) AS count FROM jobs j ${index} WHERE ${where}`, values)
      ?.count as number;
    total += count;
    if (room > 0 && skip < count) {
      const page = pageOf(store, { ...choice, order }, room, skip);
      rows.push(...page);
      room -= page.length;
    }
    skip = Math.max(0, skip - count);
  }
  return { total, seq: lastSeq(store), jobs: jobsOf(store, rows) };
}
