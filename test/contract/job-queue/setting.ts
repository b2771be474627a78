/** @file What each test of the contract starts with: a queue, a clock that it moves, and short ways to say things. */
import type { Artefact, Job, JobEvent, JobFilter, JobQueue, Lease, NewJob } from '../../../src/jobs/index.ts';

export interface TestClock {
  now(): number;
  advance(milliseconds: number): void;
}

export interface OpenedQueue {
  readonly queue: JobQueue;
  /** Closes it and opens it again, as after a restart. */
  reopen(): Promise<JobQueue>;
  /** Another one that works on the same jobs at the same time, as another process would. */
  another(): Promise<JobQueue>;
}

/** Opens an empty queue whose leases last 60 s by this clock and which keeps its last 10,000 events. */
export type OpenQueue = (clock: TestClock) => Promise<OpenedQueue>;

export const start = Date.UTC(2026, 10, 27);
export const leaseMs = 60_000;

export function testClock(): TestClock {
  let now = start;
  return {
    now: () => now,
    advance: milliseconds => {
      now += milliseconds;
    },
  };
}

export const worker = { id: 'worker-a', pid: 4711 };
export const otherWorker = { id: 'worker-b', pid: 4712 };
export const allKinds = ['generate', 'compare', 'train', 'merge'] as const;

/** A job; of kind `train` unless said, whose usual priority is 50. */
export const job = (title: string, more: Partial<NewJob> = {}): NewJob => ({
  ...{ kind: 'train', title, payload: { name: title } },
  ...more,
});

export const picture = (name: string): Artefact => ({
  ...{ name, type: 'picture', path: `pictures/2026-11-27/${name}.png` },
  ...{ bytes: 1234, sha256: 'ab'.repeat(32) },
});

export const fault = { code: 'OUT_OF_MEMORY', message: 'no memory is left', hint: 'Use a smaller batch.' };

/** Adds jobs of these titles, one after the other; their ids. */
export async function add(queue: JobQueue, ...jobs: (string | NewJob)[]): Promise<string[]> {
  return queue.enqueue(jobs.map(one => (typeof one === 'string' ? job(one) : one)));
}

/** Adds one job and leases it. */
export async function running(
  queue: JobQueue,
  title = 'a job',
  more: Partial<NewJob> = {},
): Promise<{ id: string; lease: Lease }> {
  const [id = ''] = await add(queue, job(title, more));
  const lease = await take(queue);
  if (lease.jobId !== id) throw new Error(`leased ${lease.title} instead of ${title}`);
  return { id, lease };
}

/** Leases a job that must be there. */
export async function take(queue: JobQueue, by = worker): Promise<Lease> {
  const lease = await queue.lease(allKinds, by);
  if (!lease) throw new Error('there is no job to lease');
  return lease;
}

/** The job, which must be there. */
export async function read(queue: JobQueue, id: string): Promise<Job> {
  const found = await queue.get(id);
  if (!found) throw new Error(`there is no job ${id}`);
  return found;
}

/** Titles in the order of the list. */
export async function titles(queue: JobQueue, filter?: JobFilter): Promise<string[]> {
  return (await queue.list(filter)).jobs.map(({ title }) => title);
}

/** Titles in the order in which they are leased; they stay leased. */
export async function leaseAll(queue: JobQueue): Promise<string[]> {
  const order: string[] = [];
  for (let lease = await queue.lease(allKinds, worker); lease; lease = await queue.lease(allKinds, worker))
    order.push(lease.title);
  return order;
}

/** Collects events while the test goes on. */
export function listen(queue: JobQueue, filter: JobFilter = {}, since?: number) {
  const stop = new AbortController();
  const heard: JobEvent[] = [];
  const told = new EventTarget();
  const ended = (async () => {
    for await (const event of queue.watch(filter, stop.signal, since)) {
      heard.push(event);
      told.dispatchEvent(new Event('heard'));
    }
  })();
  ended.catch(() => told.dispatchEvent(new Event('heard')));
  return {
    heard,
    ended,
    /** Waits until an event is like that, or the watch has failed. */
    async until(isIt: (event: JobEvent) => boolean): Promise<JobEvent> {
      let failure: unknown;
      const failed = ended.catch(error => {
        failure = error;
      });
      for (;;) {
        const found = heard.find(isIt);
        if (found) return found;
        if (failure !== undefined) throw failure;
        await Promise.race([
          new Promise(resolve => told.addEventListener('heard', resolve, { once: true })),
          failed,
        ]);
      }
    },
    async stop(): Promise<void> {
      stop.abort();
      await ended;
    },
  };
}
