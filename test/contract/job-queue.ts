/**
 * @file What every queue must do, sentence by sentence of the port (src/jobs/queue.ts). An adapter calls this from its
 * own test with a way to open an empty queue.
 */
import { describe } from 'vitest';
import { addingTests } from './job-queue/adding.ts';
import { attemptTests } from './job-queue/attempts.ts';
import { listTests } from './job-queue/lists.ts';
import { peopleTests } from './job-queue/people.ts';
import type { OpenQueue } from './job-queue/setting.ts';
import { watchTests } from './job-queue/watching.ts';

export type { OpenedQueue, OpenQueue, TestClock } from './job-queue/setting.ts';

export function describeJobQueue(name: string, open: OpenQueue): void {
  describe(name, () => {
    describe('adding', () => addingTests(open));
    attemptTests(open);
    peopleTests(open);
    describe('list', () => listTests(open));
    describe('watch', () => watchTests(open));
  });
}
