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
  /**
   * Given where the caller must know it beforehand, or says the same thing twice: a known id is not added again. Letters,
   * digits, `-` and `_`, at most 64: it names folders.
   */
  readonly id?: JobId | undefined;
  readonly kind: JobKind;
  /** What people see in lists. */
  readonly title: string;
  /** Plain JSON, checked by the schema of its kind before it comes here. */
  readonly payload: unknown;
  /** A whole number, higher first; the usual one of its kind unless said. */
  readonly priority?: number | undefined;
  /**
   * Begins when these are done; fails with JOB_NEEDS_FAILED where one of them fails or is cancelled, and so at once where
   * one already has. They are in the queue, or earlier in the same call.
   */
  readonly after?: readonly JobId[] | undefined;
  /** Attempts that may die or end with a fault (not: fail with an answer) before the job fails; 3 unless said. */
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
  /** Number of the last attempt; 0 before the first one. It grows with every lease, also after a yield or a retry. */
  readonly attempt: number;
  /** Attempts that died or ended with a fault, of `maxAttempts`; a retry begins anew. */
  readonly faults: number;
  readonly maxAttempts: number;
  readonly after: readonly JobId[];
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** When work on it began for the first time, or for the first time since a retry. */
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  /** The last one told. */
  readonly progress: JobProgress | undefined;
  /** Why it failed; of a job that is queued again, what happened to its last attempt. */
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
  /** 100 unless said. */
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
}

export interface JobPage {
  readonly total: number;
  /** The last event that this page knows of: `watch` from here on misses nothing and tells nothing twice. */
  readonly seq: number;
  /** Running, then queued in the order in which they will run, then paused, then ended ones, the newest first. */
  readonly jobs: readonly Job[];
}

/**
 * `seq` grows by one with every event of a queue, over restarts too. The job is as it was when the event was handed over
 * (of a removed one: as it was last, without payload and result, which would live on in its event), so of several events
 * of a job that wait, one is told, with the last `seq`. Only the last progress of a job is kept.
 */
export interface JobEvent {
  readonly seq: number;
  readonly type: 'changed' | 'progress' | 'removed';
  readonly job: Job;
}

/**
 * Ids that are not there throw JOB_UNKNOWN, and what a job's state does not allow JOB_STATE (see job-actions.ts); asking
 * again for what is so already changes nothing. Writes last over a power loss once their promise is kept, but for
 * heartbeats and progress, which the next lasting write takes along.
 */
export interface JobQueue {
  /** Whole or not at all. Throws JOB_UNKNOWN for an `after` that is not there, JOB_INVALID for what cannot be kept. */
  enqueue(jobs: readonly NewJob[]): Promise<JobId[]>;
  /** The next job of these kinds that may begin: highest priority, then its place in the list. */
  lease(kinds: readonly JobKind[], worker: WorkerInfo): Promise<Lease | null>;
  /** Renews a lease and says what is asked of the job. `lost`: another attempt has it, or it is over. */
  heartbeat(lease: Lease, progress?: JobProgress): Promise<'continue' | 'cancel' | 'pause' | 'lost'>;
  /**
   * Ends the job and publishes its artefacts and result in one step, also where a cancel or pause came too late;
   * `superseded` changes nothing.
   */
  complete(
    lease: Lease,
    artefacts: readonly Artefact[],
    result?: unknown,
  ): Promise<'published' | 'superseded'>;
  /**
   * An answer of the job itself; `retry`, for faults, puts it back into the queue while it has attempts left, or does
   * what was asked of it meanwhile.
   */
  fail(
    lease: Lease,
    error: JobError,
    retry: boolean,
  ): Promise<'queued' | 'paused' | 'cancelled' | 'failed' | 'superseded'>;
  /**
   * Gives a lease back without an answer: to the queue (yielded, or the supervisor stops; the attempt does not count),
   * to pause, or because it was cancelled. What was asked meanwhile goes first: a job whose cancel or pause the worker
   * did not hear of is not queued again, one that was resumed meanwhile is.
   */
  release(lease: Lease, to: 'queued' | 'paused' | 'cancelled'): Promise<'released' | 'superseded'>;
  /** Queued and paused jobs end at once, running ones when their worker hears of it. Returns the job. */
  cancel(id: JobId): Promise<Job>;
  /** Queued jobs at once, running ones when their worker hears of it; not one that is being cancelled. */
  pause(id: JobId): Promise<Job>;
  /** Back to the queue, at its old place; of a running job, a pause is taken back. */
  resume(id: JobId): Promise<Job>;
  /** A failed or cancelled job again, with new attempts, last of its priority. What it needs must not have failed. */
  retry(id: JobId): Promise<Job>;
  /**
   * To another place among queued and paused jobs of its priority, or last in another priority. Before or after a job
   * of another priority, it takes that priority.
   */
  move(
    id: JobId,
    to: { before: JobId } | { after: JobId } | { priority: number } | 'first' | 'last',
  ): Promise<Job>;
  /** Forgets an ended job; its artefacts' rows go with it. */
  remove(id: JobId): Promise<void>;
  /**
   * Jobs whose lease has run out, and all of workers that are known to be dead, are queued again at their old place, or
   * fail with JOB_DIED; what was asked of them is done. Returns them. A supervisor renews its own leases first: after a
   * sleep of the machine all have run out.
   */
  recover(deadWorkers?: readonly string[]): Promise<Job[]>;
  get(id: JobId): Promise<Job | undefined>;
  list(filter?: JobFilter): Promise<JobPage>;
  /**
   * Events after `since` while they are kept (10,000), then new ones, until the signal or until the queue is closed;
   * without `since`, from this call on. States are those that jobs have now; `limit` and `offset` mean nothing here.
   * Throws EVENTS_GONE where events between were dropped, also to a reader that is too slow: the list has to be read
   * again.
   */
  watch(filter: JobFilter, signal: AbortSignal, since?: number): AsyncIterable<JobEvent>;
  /** Leases stay as they are; calls after it throw JOBS_CLOSED. */
  close(): Promise<void>;
}
