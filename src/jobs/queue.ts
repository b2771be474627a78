/**
 * @file The port of the queue: what supervisors, doors and tests ask of it. Adapters (`sqlite/`, later PostgreSQL) pass
 * one suite of tests (`test/contract/job-queue.ts`).
 *
 * A job is tried at least once and published exactly once. Every attempt has a number, which fences it: whatever an
 * attempt says after another one began, or after its lease was lost, changes nothing.
 */
import type { JobKind } from './kinds.ts';

export type JobId = string;

/**
 * `paused` by a person; a job that yields to others is `queued` again. Ended are `done`, `failed` and `cancelled`; of
 * these, the last two can be tried again.
 */
export const jobStates = ['queued', 'running', 'paused', 'done', 'failed', 'cancelled'] as const;
export type JobState = (typeof jobStates)[number];

export interface NewJob {
  /** Given where the caller must know it beforehand, or says the same thing twice: a known id is not added again. */
  readonly id?: JobId | undefined;
  readonly kind: JobKind;
  /** What people see in lists. */
  readonly title: string;
  /** Plain JSON, checked by the schema of its kind before it comes here. */
  readonly payload: unknown;
  /** Higher first; the usual one of its kind unless said. */
  readonly priority?: number | undefined;
  /** Begins when these are done; fails where one of them fails or is cancelled. */
  readonly after?: readonly JobId[] | undefined;
  /** Attempts that may die (not: fail with an answer) before the job fails; 3 unless said. */
  readonly maxAttempts?: number | undefined;
}

export interface JobProgress {
  /** From 0 to 1. */
  readonly share: number;
  /** What is being done: `step 12 of 400`. */
  readonly text: string;
  readonly secondsLeft?: number | undefined;
  /** Of its kind: step, loss, pictures done … Plain JSON. */
  readonly detail?: unknown;
}

export interface JobError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** A file that a job made, published under a name of its own. */
export interface Artefact {
  /** Within the job: `picture-1`, `lora`, `sheet`. */
  readonly name: string;
  readonly type: 'picture' | 'lora' | 'checkpoint' | 'sheet' | 'file';
  /** Where it lies, relative to the data folder, with `/`. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Job {
  readonly id: JobId;
  readonly kind: JobKind;
  readonly title: string;
  readonly payload: unknown;
  readonly state: JobState;
  readonly priority: number;
  /** Among queued jobs, the next one is 1; undefined otherwise. */
  readonly position: number | undefined;
  /** Attempts so far. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly after: readonly JobId[];
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  /** The last one told. */
  readonly progress: JobProgress | undefined;
  readonly error: JobError | undefined;
  /** What was asked of a running job and not done yet. */
  readonly asked: 'cancel' | 'pause' | undefined;
  readonly artefacts: readonly Artefact[];
  /** Plain JSON of its kind, e.g. a data set report; undefined until it is done. */
  readonly result: unknown;
}

export interface WorkerInfo {
  /** Of the supervisor; a new one at each start. */
  readonly id: string;
  readonly pid: number;
}

/** The right to work on a job, for a while. `attempt` is its fencing token. */
export interface Lease {
  readonly jobId: JobId;
  readonly attempt: number;
  readonly worker: string;
  readonly kind: JobKind;
  readonly title: string;
  readonly payload: unknown;
  readonly priority: number;
  readonly expiresAt: number;
}

export interface JobFilter {
  readonly states?: readonly JobState[] | undefined;
  readonly kinds?: readonly JobKind[] | undefined;
  readonly ids?: readonly JobId[] | undefined;
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
}

export interface JobPage {
  readonly total: number;
  /** Running, then queued in the order in which they will run, then paused, then ended ones, the newest first. */
  readonly jobs: readonly Job[];
}

/** `seq` grows by one with every event of a queue, over restarts too. */
export interface JobEvent {
  readonly seq: number;
  readonly type: 'changed' | 'progress' | 'removed';
  readonly job: Job;
}

export interface JobQueue {
  /** Whole or not at all. Throws JOB_UNKNOWN for an `after` that is not there. */
  enqueue(jobs: readonly NewJob[]): Promise<JobId[]>;
  /** The next job of these kinds that may begin: highest priority, then its place in the list. */
  lease(kinds: readonly JobKind[], worker: WorkerInfo): Promise<Lease | null>;
  /** Renews a lease and says what is asked of the job. `lost`: another attempt has it, or it is over. */
  heartbeat(lease: Lease, progress?: JobProgress): Promise<'continue' | 'cancel' | 'pause' | 'lost'>;
  /** Ends the job and publishes its artefacts and result in one step; `superseded` changes nothing. */
  complete(
    lease: Lease,
    artefacts: readonly Artefact[],
    result?: unknown,
  ): Promise<'published' | 'superseded'>;
  /** An answer of the job itself; `retry` puts it back into the queue while it has attempts left. */
  fail(lease: Lease, error: JobError, retry: boolean): Promise<'queued' | 'failed' | 'superseded'>;
  /**
   * Gives a lease back without an answer: to the queue (yielded, or the supervisor stops; the attempt does not count),
   * to pause, or because it was cancelled.
   */
  release(lease: Lease, to: 'queued' | 'paused' | 'cancelled'): Promise<'released' | 'superseded'>;
  /** Queued and paused jobs end at once, running ones when their worker hears of it. Returns the job. */
  cancel(id: JobId): Promise<Job>;
  pause(id: JobId): Promise<Job>;
  /** Back to the queue, at its old place. */
  resume(id: JobId): Promise<Job>;
  /** A failed or cancelled job again, with new attempts. */
  retry(id: JobId): Promise<Job>;
  /** To another place among queued and paused jobs of its priority, or to another priority. */
  move(
    id: JobId,
    to: { before: JobId } | { after: JobId } | { priority: number } | 'first' | 'last',
  ): Promise<Job>;
  /** Forgets an ended job; its artefacts' rows go with it. */
  remove(id: JobId): Promise<void>;
  /** Jobs whose lease has run out, and all of workers that are known to be dead, are queued again, or fail. */
  recover(deadWorkers?: readonly string[]): Promise<Job[]>;
  get(id: JobId): Promise<Job | undefined>;
  list(filter?: JobFilter): Promise<JobPage>;
  /** Events after `since` while they are kept (10,000), then new ones, until the signal. */
  watch(filter: JobFilter, signal: AbortSignal, since?: number): AsyncIterable<JobEvent>;
  close(): Promise<void>;
}
