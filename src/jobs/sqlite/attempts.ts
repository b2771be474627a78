/** @file What workers say: leases taken, renewed, given back, ended; and what becomes of those that say nothing any more. */
import { badInput } from '../../errors.ts';
import { diedError, plainJson } from '../job-actions.ts';
import type { JobKind } from '../kinds.ts';
import type { Artefact, Job, JobError, JobId, JobProgress, JobQueue, Lease, WorkerInfo } from '../queue.ts';
import { change, type Desk } from './desk.ts';
import { logEvent } from './event-log.ts';
import { end, heldBy, type JobRow, putBack, rowColumns, setColumns, toRow } from './job-rows.ts';
import { readJobs } from './read-jobs.ts';

type Said<Name extends 'heartbeat' | 'complete' | 'fail' | 'release'> = Awaited<ReturnType<JobQueue[Name]>>;

export function leaseNext(desk: Desk, kinds: readonly JobKind[], worker: WorkerInfo): Lease | null {
  const { store } = desk;
  const values = { kinds: JSON.stringify(kinds) };
  const next = `SELECT id, attempt FROM jobs INDEXED BY jobsReady WHERE state = 'queued' AND waiting = 0
    AND kind IN (SELECT value FROM json_each($kinds)) ORDER BY precedence, rank LIMIT 1`;
  if (!store.get(next, values)) return null; // asked often: a look costs no lock
  return change(desk, () => {
    const row = store.get(next, values);
    if (!row) return null;
    const id = row.id as JobId;
    const attempt = (row.attempt as number) + 1;
    const expiresAt = desk.now() + desk.leaseMs;
    store.run(
      `UPDATE jobs SET state = 'running', attempt = $attempt, worker = $worker, pid = $pid, expiresAt = $expiresAt,
       startedAt = coalesce(startedAt, $now), error = NULL WHERE id = $id`,
      { id, attempt, worker: worker.id, pid: worker.pid, expiresAt, now: desk.now() },
    );
    logEvent(desk, 'changed', id);
    const { kind, title, payload, priority } = readJobs(store, [id])[0] as Job;
    return { jobId: id, attempt, worker: worker.id, kind, title, payload, priority, expiresAt };
  });
}

export function heartbeat(desk: Desk, lease: Lease, progress?: JobProgress): Said<'heartbeat'> {
  const text = progress === undefined ? undefined : plainJson('progress', progress);
  const beat = (): Said<'heartbeat'> => {
    const held = heldBy(desk, lease);
    if (!held) return 'lost';
    const expiresAt = desk.now() + desk.leaseMs;
    setColumns(desk, held.id, text === undefined ? { expiresAt } : { expiresAt, progress: text });
    if (text !== undefined) logEvent(desk, 'progress', held.id);
    return held.asked ?? 'continue';
  };
  // Not synced: lost with the power, it would only have said that a process lives which does not any more.
  return progress === undefined ? desk.store.write(beat, false) : change(desk, beat, false);
}

export function complete(
  desk: Desk,
  lease: Lease,
  artefacts: readonly Artefact[],
  result?: unknown,
): Said<'complete'> {
  const text = result === undefined ? null : plainJson('the result', result);
  const twice = artefacts.find(({ name }, i) => artefacts.findIndex(other => other.name === name) < i);
  if (twice)
    throw badInput('JOB_INVALID', `job ${lease.jobId} publishes two artefacts with the name ${twice.name}`);
  return change(desk, () => {
    const { store } = desk;
    const held = heldBy(desk, lease);
    if (!held) return 'superseded';
    for (const [place, { name, type, path, bytes, sha256 }] of artefacts.entries())
      store.run(
        `INSERT INTO artefacts (job, place, name, type, path, bytes, sha256)
         VALUES ($job, $place, $name, $type, $path, $bytes, $sha256)`,
        { job: held.id, place, name, type, path, bytes, sha256 },
      );
    store.run(`UPDATE contents SET result = $text WHERE job = $job`, { job: held.id, text });
    end(desk, held, 'done');
    return 'published';
  });
}

/** What was asked of a job whose attempt is over; else what was meant to become of it. */
function wanted<To extends string>(row: JobRow, to: To): To | 'cancelled' | 'paused' | 'queued' {
  if (row.asked === 'cancel') return 'cancelled';
  if (row.asked === 'pause') return 'paused';
  return row.isResumed && to === 'paused' ? 'queued' : to;
}

/** After a fault: again, unless it had too many. */
function afterFault(desk: Desk, row: JobRow, error: JobError): 'queued' | 'paused' | 'cancelled' | 'failed' {
  const faults = row.faults + 1;
  const asked = wanted(row, 'queued');
  const to = asked !== 'cancelled' && faults >= row.maxAttempts ? 'failed' : asked;
  if (to === 'queued' || to === 'paused') putBack(desk, row.id, to, { faults, error: JSON.stringify(error) });
  else end(desk, row, to, to === 'failed' ? error : undefined, { faults });
  return to;
}

export function fail(desk: Desk, lease: Lease, error: JobError, retry: boolean): Said<'fail'> {
  return change(desk, () => {
    const held = heldBy(desk, lease);
    if (!held) return 'superseded';
    if (retry) return afterFault(desk, held, error);
    end(desk, held, 'failed', error);
    return 'failed';
  });
}

export function release(desk: Desk, lease: Lease, to: 'queued' | 'paused' | 'cancelled'): Said<'release'> {
  return change(desk, () => {
    const held = heldBy(desk, lease);
    if (!held) return 'superseded';
    const state = to === 'cancelled' ? to : wanted(held, to);
    if (state === 'cancelled') end(desk, held, state);
    else putBack(desk, held.id, state);
    return 'released';
  });
}

export function recover(desk: Desk, deadWorkers: readonly string[] = []): Job[] {
  const { store } = desk;
  const find = `SELECT ${rowColumns} FROM jobs WHERE state = 'running'
    AND (expiresAt <= $now OR worker IN (SELECT value FROM json_each($dead))) ORDER BY precedence, rank`;
  const values = { now: desk.now(), dead: JSON.stringify(deadWorkers) };
  shortenLeases(desk);
  if (!store.get(find, values)) return [];
  return change(desk, () => {
    const rows = store.all(find, values).map(toRow);
    for (const row of rows) afterFault(desk, row, diedError(row.faults + 1));
    return readJobs(
      store,
      rows.map(({ id }) => id),
    );
  });
}

/** A clock that was set back would leave leases that run out in an hour. */
function shortenLeases({ store, now, leaseMs }: Desk): void {
  const latest = now() + leaseMs;
  const isLate = `state = 'running' AND expiresAt > $latest`;
  if (store.get(`SELECT 1 FROM jobs WHERE ${isLate} LIMIT 1`, { latest }))
    store.write(() => store.run(`UPDATE jobs SET expiresAt = $latest WHERE ${isLate}`, { latest }), false);
}
