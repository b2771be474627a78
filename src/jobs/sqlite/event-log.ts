/** @file The log of events: the last ones are kept, and each reader has a place in it, so that a slow one holds nothing. */
import { LoraError } from '../../errors.ts';
import type { Job, JobEvent, JobFilter, JobId } from '../queue.ts';
import type { Desk } from './desk.ts';
import { lastSeq, readJobs } from './read-jobs.ts';
import type { Store } from './store.ts';

/** To be called within a write. */
export function logEvent(desk: Desk, type: JobEvent['type'], job: JobId, snapshot?: Job): void {
  const { store, keepEvents } = desk;
  if (type === 'progress') store.run(`DELETE FROM events WHERE type = 'progress' AND job = $job`, { job });
  store.run(`INSERT INTO events (type, job, snapshot) VALUES ($type, $job, $snapshot)`, {
    ...{ type, job },
    snapshot: snapshot ? JSON.stringify(snapshot) : null,
  });
  store.run(`DELETE FROM events WHERE seq <= last_insert_rowid() - $keepEvents`, { keepEvents });
}

export interface Batch {
  /** Up to where it was read. */
  readonly seq: number;
  readonly events: readonly JobEvent[];
}

/** So many are held at once for one reader. */
const batchSize = 64;

function checkKept({ keepEvents }: Desk, since: number, last: number): void {
  if (since <= last && since >= last - keepEvents) return;
  const why = since > last ? `the last one is ${last}` : `those up to ${last - keepEvents} were dropped`;
  throw new LoraError('EVENTS_GONE', `events after ${since} cannot be told: ${why}`, {
    hint: 'Read the list of jobs again, and go on from its seq.',
  });
}

export type BatchReader = (since: number) => Batch;

/** Reads what comes after a number. Readers that are at the same place, as nearly all are, share what is read. */
export function batchReader(desk: Desk): BatchReader {
  const { store } = desk;
  let shared: { readonly since: number; readonly last: number; readonly batch: Batch } | undefined;
  return since =>
    store.read(() => {
      const last = lastSeq(store);
      checkKept(desk, since, last);
      // Whatever changes in a job is an event, so that the last number stands for all that can be read.
      if (shared?.since === since && shared.last === last) return shared.batch;
      const batch = readBatch(store, since);
      shared = { since, last, batch };
      return batch;
    });
}

function readBatch(store: Store, since: number): Batch {
  const rows = store.all(
    `SELECT seq, type, job, snapshot FROM events WHERE seq > $since ORDER BY seq LIMIT $batchSize`,
    { since, batchSize },
  );
  const last = rows.at(-1);
  return last ? { seq: last.seq as number, events: eventsOf(store, rows) } : { seq: since, events: [] };
}

/** One event a job: the last. A change is told as one even if progress followed. */
function eventsOf(store: Store, rows: ReturnType<Store['all']>): JobEvent[] {
  const told = new Map<JobId, { seq: number; type: JobEvent['type']; snapshot: unknown }>();
  for (const row of rows) {
    const [id, type] = [row.job as JobId, row.type as JobEvent['type']];
    const before = told.get(id);
    told.delete(id); // the order is that of the last ones
    const isChange = type === 'progress' && before?.type === 'changed';
    told.set(id, { seq: row.seq as number, type: isChange ? 'changed' : type, snapshot: row.snapshot });
  }
  const now = new Map(readJobs(store, [...told.keys()]).map(job => [job.id, job]));
  return [...told].flatMap(([id, { seq, type, snapshot }]) => {
    const job = type === 'removed' ? (JSON.parse(snapshot as string) as Job) : now.get(id);
    return job ? [{ seq, type, job: withUndefined(job) }] : []; // that it was removed comes later
  });
}

/** JSON drops what is undefined; jobs have all their fields. */
function withUndefined(job: Job): Job {
  const { position, startedAt, endedAt, progress, error, asked, payload, result } = job;
  return { ...job, position, startedAt, endedAt, progress, error, asked, payload, result };
}

function matches(
  { states, kinds, ids }: JobFilter,
  { state, kind, id }: Pick<Job, 'state' | 'kind' | 'id'>,
): boolean {
  return (states?.includes(state) ?? true) && (kinds?.includes(kind) ?? true) && (ids?.includes(id) ?? true);
}

/** See `watch` of the port. */
export function watchEvents(
  desk: Desk,
  read: BatchReader,
  filter: JobFilter,
  signal: AbortSignal,
  since = lastSeq(desk.store),
): AsyncIterable<JobEvent> {
  return follow(desk, read, filter, signal, since);
}

async function* follow(
  desk: Desk,
  read: BatchReader,
  filter: JobFilter,
  signal: AbortSignal,
  since: number,
): AsyncGenerator<JobEvent> {
  let seq = since;
  while (!signal.aborted && desk.store.isOpen) {
    const batch = read(seq);
    if (batch.seq === seq) await desk.bell.next(signal);
    seq = batch.seq;
    for (const event of batch.events) {
      if (signal.aborted) return;
      if (matches(filter, event.job)) yield event;
    }
  }
}
