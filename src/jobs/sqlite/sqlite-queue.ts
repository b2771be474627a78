/** @file The queue in a file of SQLite: every call is one transaction; several processes may have it open. */
import { randomInt } from 'node:crypto';
import type { JobQueue } from '../queue.ts';
import { complete, fail, heartbeat, leaseNext, recover, release } from './attempts.ts';
import { hangBell } from './bell.ts';
import type { Desk } from './desk.ts';
import { enqueueJobs } from './enqueue.ts';
import { batchReader, watchEvents } from './event-log.ts';
import { cancel, move, pause, remove, resume, retry } from './people.ts';
import { listJobs, readJobs } from './read-jobs.ts';
import { openStore } from './store.ts';

export interface SqliteQueueOptions {
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
  /** From 0 to below 1; for ids. */
  readonly random?: (() => number) | undefined;
  /** 10,000 unless said. */
  readonly keepEvents?: number | undefined;
  /** How long a lease lasts without a heartbeat; 60 s unless said. */
  readonly leaseMs?: number | undefined;
}

const idLetters = '0123456789abcdefghjkmnpqrstvwxyz'; // without those that look like others
const idLength = 16;

/**
 * Opens the queue of a file, which is made where there is none; its folder has to exist. Throws JOBS_CORRUPT, JOBS_NEWER
 * or JOBS_NOT_OURS for what the file is, DATA_READ_ONLY, DISK_FULL, DISK_FAILS, JOBS_BUSY or JOBS_UNREADABLE for what
 * the disk says, as every call may do later.
 */
export function openSqliteQueue(file: string, options: SqliteQueueOptions = {}): JobQueue {
  const { now = Date.now, random = secureRandom, keepEvents = 10_000, leaseMs = 60_000 } = options;
  const store = openStore(file);
  const letter = (): string => idLetters.charAt(Math.floor(random() * idLetters.length));
  const desk: Desk = {
    ...{ store, keepEvents, leaseMs },
    now: () => Math.round(now()),
    newId: () => Array.from({ length: idLength }, letter).join(''),
    bell: hangBell(store.version),
  };
  const read = batchReader(desk);
  return {
    enqueue: async jobs => enqueueJobs(desk, jobs),
    lease: async (kinds, worker) => leaseNext(desk, kinds, worker),
    heartbeat: async (lease, progress) => heartbeat(desk, lease, progress),
    complete: async (lease, artefacts, result) => complete(desk, lease, artefacts, result),
    fail: async (lease, error, isFault) => fail(desk, lease, error, isFault),
    release: async (lease, to) => release(desk, lease, to),
    cancel: async id => cancel(desk, id),
    pause: async id => pause(desk, id),
    resume: async id => resume(desk, id),
    retry: async id => retry(desk, id),
    move: async (id, to) => move(desk, id, to),
    remove: async id => remove(desk, id),
    recover: async dead => recover(desk, dead),
    get: async id => store.read(() => readJobs(store, [id])[0]),
    list: async (filter = {}) => store.read(() => listJobs(store, filter)),
    watch: (filter, signal, since) => watchEvents(desk, read, filter, signal, since),
    async close() {
      desk.bell.close();
      store.close();
    },
  };
}

function secureRandom(): number {
  return randomInt(2 ** 32) / 2 ** 32;
}
