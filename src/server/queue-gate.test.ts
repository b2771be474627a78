/** A queue that is held: jobs wait over restarts, looks pass, and nobody stands aside for what cannot begin. */
import { rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/pictures.ts';
import { jobKindNames, newJob, openSqliteQueue } from '../jobs/index.ts';
import { dataFolderAt, makeDataFolders } from '../workbench/index.ts';
import { openQueueGate } from './queue-gate.ts';

it('holds jobs until it is let go', async () => {
  const data = dataFolderAt(temporaryFolder());
  makeDataFolders(data);
  const queue = openSqliteQueue(data.jobsFile);
  const worker = { id: 'w', pid: 1 };
  try {
    const gate = openQueueGate(queue, data);
    expect(gate.isPaused()).toBe(false);
    const [drawing] = await queue.enqueue([newJob('generate', { prompt: 'x' })]);
    await gate.set(true);
    expect(await gate.queue.lease(jobKindNames, worker)).toBeNull();
    expect((await gate.queue.list({ states: ['queued'] })).jobs).toEqual([]);
    expect((await gate.queue.list({ states: ['queued'], kinds: ['generate'] })).total).toBe(0);
    expect((await queue.list({ states: ['queued'] })).total).toBe(1);
    const [look] = await queue.enqueue([newJob('dataset-report', { dataset: 'x' })]);
    expect((await gate.queue.list({ states: ['queued'] })).jobs.map(({ id }) => id)).toEqual([look]);
    expect((await gate.queue.lease(jobKindNames, worker))?.jobId).toBe(look);
    const next = openQueueGate(queue, data);
    expect(next.isPaused()).toBe(true);
    await next.set(false);
    expect((await next.queue.lease(jobKindNames, worker))?.jobId).toBe(drawing);
    expect(openQueueGate(queue, data).isPaused()).toBe(false);
    await next.set(false);
  } finally {
    await queue.close();
    rmSync(data.path, { recursive: true, force: true });
  }
});
