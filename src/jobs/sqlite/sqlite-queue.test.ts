/** The contract of queues, for a file, and for two that have it open and do every other call each. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { describeJobQueue, type OpenedQueue, type TestClock } from '../../../test/contract/job-queue.ts';
import { quickFolder } from '../../../test/support/quick-folder.ts';
import type { JobQueue } from '../queue.ts';
import { openSqliteQueue } from './sqlite-queue.ts';

const opened: JobQueue[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const queue of opened.splice(0)) await queue.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** Opens queues on one new file. */
function onOneFile({ now }: TestClock): () => JobQueue {
  const folder = quickFolder();
  folders.push(folder);
  const file = join(folder, 'jobs.sqlite');
  return () => {
    const queue = openSqliteQueue(file, { now });
    opened.push(queue);
    return queue;
  };
}

/** Every other call goes to the other one; all are closed together. */
function taking(turns: readonly JobQueue[]): JobQueue {
  let turn = 0;
  return new Proxy(turns[0] as JobQueue, {
    get(_, name: keyof JobQueue | 'then') {
      if (name === 'then') return undefined; // it is not a promise
      if (name === 'close') return async () => void (await Promise.all(turns.map(queue => queue.close())));
      return (...args: never[]) => {
        const own = turns[turn++ % turns.length] as JobQueue;
        return (own[name] as (...all: never[]) => unknown)(...args);
      };
    },
  });
}

describeJobQueue('a file', async (clock): Promise<OpenedQueue> => {
  const open = onOneFile(clock);
  const queue = open();
  const reopen = async () => {
    await queue.close();
    return open();
  };
  return { queue, reopen, another: async () => open() };
});

describeJobQueue('two on one file', async (clock): Promise<OpenedQueue> => {
  const open = onOneFile(clock);
  const queue = taking([open(), open()]);
  const reopen = async () => {
    await queue.close();
    return taking([open(), open()]);
  };
  return { queue, reopen, another: async () => open() };
});
