/** @file The queue as a whole can be held: nothing begins until it is let go, over restarts too. Looks, which a page waits for, pass. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../files/index.ts';
import { type JobQueue, jobKindNames, jobKinds } from '../jobs/index.ts';
import type { DataFolder } from '../workbench/index.ts';

export interface QueueGate {
  isPaused(): boolean;
  set(isPaused: boolean): Promise<void>;
  /** For the supervisor: while the queue is held, it sees looks alone. */
  readonly queue: JobQueue;
}

const isLook = (kind: (typeof jobKindNames)[number]): boolean => !jobKinds[kind].isListed;
const looks = jobKindNames.filter(isLook);

/** A file stands for it, so that a queue that was held at night is held in the morning. */
export function openQueueGate(queue: JobQueue, data: Pick<DataFolder, 'path'>): QueueGate {
  const mark = join(data.path, 'queue-paused');
  let isPaused = existsSync(mark);
  const held: JobQueue = {
    ...queue,
    lease: (kinds, worker) => {
      if (!isPaused) return queue.lease(kinds, worker);
      const allowed = kinds.filter(isLook);
      return allowed.length === 0 ? Promise.resolve(null) : queue.lease(allowed, worker);
    },
    // What cannot begin is nobody that a running job would wait for.
    list: (filter = {}) => {
      const isWaiting = filter.states?.length === 1 && filter.states[0] === 'queued';
      if (!isPaused || !isWaiting) return queue.list(filter);
      return queue.list({ ...filter, kinds: (filter.kinds ?? looks).filter(isLook) });
    },
  };
  return {
    isPaused: () => isPaused,
    async set(next) {
      if (next)
        await writeFileAtomic(mark, 'The queue is held. Delete this file, or resume it in the studio.\n');
      else await rm(mark, { force: true });
      isPaused = next;
    },
    queue: held,
  };
}
