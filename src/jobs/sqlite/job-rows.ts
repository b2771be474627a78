/** @file The rows that transitions read and write; all within a write. */
import { needsFailed, unknownJob } from '../job-actions.ts';
import type { Job, JobError, JobId, JobState, Lease } from '../queue.ts';
import type { Desk } from './desk.ts';
import { logEvent } from './event-log.ts';
import type { Store, Values } from './store.ts';

/** What transitions ask of a job. */
export interface JobRow {
  readonly id: JobId;
  readonly title: string;
  readonly state: JobState;
  readonly precedence: number;
  readonly attempt: number;
  readonly faults: number;
  readonly maxAttempts: number;
  readonly asked: Job['asked'];
  readonly isResumed: boolean;
}

export const rowColumns = 'id, title, state, precedence, attempt, faults, maxAttempts, asked, isResumed';

export function toRow(row: ReturnType<Store['all']>[number]): JobRow {
  const asked = (row.asked as Job['asked'] | null) ?? undefined;
  return { ...(row as unknown as JobRow), asked, isResumed: row.isResumed === 1 };
}

/** Throws JOB_UNKNOWN. */
export function rowOf({ store }: Desk, id: JobId): JobRow {
  const row = typeof id === 'string' && store.get(`SELECT ${rowColumns} FROM jobs WHERE id = $id`, { id });
  if (!row) throw unknownJob(id);
  return toRow(row);
}

/** The row of a job that this attempt still holds: the fence of all that workers say. */
export function heldBy({ store }: Desk, { jobId, attempt }: Lease): JobRow | undefined {
  const row = store.get(
    `SELECT ${rowColumns} FROM jobs WHERE id = $jobId AND attempt = $attempt AND state = 'running'`,
    { jobId, attempt },
  );
  return row && toRow(row);
}

/** Writes columns of a job. Names are words of the code. */
export function setColumns({ store }: Desk, id: JobId, columns: Values): void {
  const names = Object.keys(columns);
  store.run(`UPDATE jobs SET ${names.map(name => `${name} = $${name}`).join(', ')} WHERE id = $id`, {
    ...columns,
    id,
  });
}

const noLease = { asked: null, isResumed: 0, worker: null, pid: null, expiresAt: null } as const;

/** Out of work: waiting again, or paused. */
export function putBack(desk: Desk, id: JobId, state: 'queued' | 'paused', columns: Values = {}): void {
  setColumns(desk, id, { ...noLease, state, ...columns });
  logEvent(desk, 'changed', id);
}

/** Ends a job; those that needed it begin or fail with it. */
export function end(
  desk: Desk,
  row: Pick<JobRow, 'id' | 'title'>,
  state: 'done' | 'failed' | 'cancelled',
  error?: JobError,
  columns: Values = {},
): void {
  const endedAt = desk.now();
  const ended = { ...noLease, state, endedAt, error: error ? JSON.stringify(error) : null };
  setColumns(desk, row.id, { ...ended, ...columns });
  logEvent(desk, 'changed', row.id);
  if (state === 'done') freeThoseThatNeed(desk, row.id);
  else failThoseThatNeed(desk, { id: row.id, title: row.title, state });
}

function freeThoseThatNeed({ store }: Desk, id: JobId): void {
  const waiting = store.all(`SELECT job FROM needs WHERE needed = $id`, { id });
  store.run(`DELETE FROM needs WHERE needed = $id`, { id });
  for (const { job } of waiting) countNeeds(store, job as JobId);
}

export function countNeeds(store: Store, job: JobId): void {
  store.run(
    `UPDATE jobs SET waiting = (SELECT count(*) FROM needs WHERE needs.job = jobs.id) WHERE id = $job`,
    { job },
  );
}

/** Row by row rather than by recursion: chains may be long. */
function failThoseThatNeed(desk: Desk, first: Pick<Job, 'id' | 'title' | 'state'>): void {
  const failed = [first];
  for (let cause = failed.pop(); cause !== undefined; cause = failed.pop()) {
    const rows = desk.store.all(
      `SELECT j.id, j.title FROM needs n JOIN jobs j ON j.id = n.job
       WHERE n.needed = $id AND j.state IN ('queued', 'paused')`,
      { id: cause.id },
    );
    for (const { id, title } of rows as { id: JobId; title: string }[]) {
      const error = JSON.stringify(needsFailed(cause));
      setColumns(desk, id, { ...noLease, state: 'failed', endedAt: desk.now(), error });
      logEvent(desk, 'changed', id);
      failed.push({ id, title, state: 'failed' });
    }
  }
}

/** The first job that one needs and that will not be done; `undefined` where one is not even there. */
export function failedNeed(
  { store }: Desk,
  id: JobId,
): { id: JobId; title?: string; state?: JobState } | undefined {
  const row = store.get(
    `SELECT n.needed AS id, j.title, j.state FROM needs n LEFT JOIN jobs j ON j.id = n.needed
     WHERE n.job = $id AND (j.id IS NULL OR j.state IN ('failed', 'cancelled')) LIMIT 1`,
    { id },
  );
  if (!row) return undefined;
  return row.state === null ? { id: row.id as JobId } : (row as never);
}
