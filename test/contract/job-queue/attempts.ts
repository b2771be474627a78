/** @file Contract: leases, heartbeats, answers, and attempts that die. */
import { describe, expect, test } from 'vitest';
import type { JobQueue, Lease } from '../../../src/jobs/index.ts';
import {
  add,
  allKinds,
  fault,
  job,
  leaseAll,
  leaseMs,
  type OpenQueue,
  otherWorker,
  picture,
  read,
  running,
  start,
  take,
  testClock,
  titles,
  worker,
} from './setting.ts';

export function attemptTests(open: OpenQueue): void {
  describe('lease', () => leaseTests(open));
  describe('heartbeat', () => heartbeatTests(open));
  describe('answers', () => answerTests(open));
  describe('attempts that die', () => deathTests(open));
}

function leaseTests(open: OpenQueue): void {
  test('is the right to a job for 60 s', async () => {
    const { queue } = await open(testClock());
    const [id = ''] = await add(queue, 'a');
    expect(await queue.lease(['train'], worker)).toEqual({
      ...{ jobId: id, attempt: 1, worker: worker.id, kind: 'train', title: 'a', payload: { name: 'a' } },
      ...{ priority: 50, expiresAt: start + leaseMs },
    });
    expect(await read(queue, id)).toMatchObject({
      state: 'running',
      attempt: 1,
      startedAt: start,
      position: undefined,
    });
  });

  test('goes by priority, then by place, and only to kinds that are asked for', async () => {
    const { queue } = await open(testClock());
    await add(
      queue,
      'a',
      job('low', { priority: -5 }),
      job('high', { kind: 'generate' }),
      'b',
      job('zero', { priority: 0 }),
    );
    expect(await queue.lease(['merge'], worker)).toBeNull();
    expect(await queue.lease([], worker)).toBeNull();
    expect((await queue.lease(['train', 'merge'], worker))?.title).toBe('a');
    expect(await leaseAll(queue)).toEqual(['high', 'b', 'zero', 'low']);
  });

  test('no job goes to two workers that ask at once', async () => {
    const { queue, another } = await open(testClock());
    const ids = await add(queue, ...Array.from({ length: 40 }, (_, i) => `job ${i}`));
    const other = await another();
    const leases = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        i % 2 ? queue.lease(allKinds, worker) : other.lease(allKinds, otherWorker),
      ),
    );
    const taken = leases.flatMap(lease => lease?.jobId ?? []);
    expect(taken.sort()).toEqual([...ids].sort());
  });

  test('paused and ended jobs are not leased', async () => {
    const { queue } = await open(testClock());
    const [paused = '', cancelled = ''] = await add(queue, 'paused', 'cancelled', 'left');
    await queue.pause(paused);
    await queue.cancel(cancelled);
    expect(await leaseAll(queue)).toEqual(['left']);
  });
}

function heartbeatTests(open: OpenQueue): void {
  test('renews the lease', async () => {
    const clock = testClock();
    const { queue } = await open(clock);
    const { lease } = await running(queue);
    for (let i = 0; i < 5; i++) {
      clock.advance(leaseMs - 1);
      expect(await queue.heartbeat(lease)).toBe('continue');
      expect(await queue.recover()).toEqual([]);
    }
    clock.advance(leaseMs);
    expect(await queue.recover()).toHaveLength(1);
  });

  test('a late one renews too, while nobody has recovered the job', async () => {
    const clock = testClock();
    const { queue } = await open(clock);
    const { lease } = await running(queue);
    clock.advance(10 * leaseMs);
    expect(await queue.heartbeat(lease)).toBe('continue');
    expect(await queue.recover()).toEqual([]);
  });

  test('tells progress, the last of which is kept, also over a restart', async () => {
    const { queue, reopen } = await open(testClock());
    const { id, lease } = await running(queue);
    await queue.heartbeat(lease, { share: 0.25, text: 'step 1 of 4' });
    const progress = { share: 0.5, text: 'step 2 of 4', secondsLeft: 7, detail: { loss: 0.11 } };
    await queue.heartbeat(lease, progress);
    await queue.heartbeat(lease);
    expect((await read(queue, id)).progress).toEqual(progress);
    const again = await reopen();
    expect((await read(again, id)).progress).toEqual(progress);
  });

  test('says what is asked, until it is taken back', async () => {
    const { queue } = await open(testClock());
    const { id, lease } = await running(queue);
    await queue.pause(id);
    expect(await queue.heartbeat(lease)).toBe('pause');
    await queue.resume(id);
    expect(await queue.heartbeat(lease)).toBe('continue');
    await queue.cancel(id);
    expect(await queue.heartbeat(lease)).toBe('cancel');
  });

  test('is lost when the job is over, removed, another attempt has it, or the token is not its own', async () => {
    const clock = testClock();
    const { queue } = await open(clock);
    const { id, lease } = await running(queue);
    expect(await queue.heartbeat({ ...lease, attempt: 2 })).toBe('lost');
    expect(await queue.heartbeat({ ...lease, jobId: 'nobody' })).toBe('lost');
    await queue.recover([worker.id]);
    expect(await queue.heartbeat(lease, { share: 1, text: 'late' })).toBe('lost');
    const next = await take(queue, otherWorker);
    expect(await queue.heartbeat(lease)).toBe('lost');
    expect(await queue.heartbeat(next)).toBe('continue');
    await queue.complete(next, []);
    expect(await queue.heartbeat(next)).toBe('lost');
    expect((await read(queue, id)).progress).toBeUndefined();
    await queue.remove(id);
    expect(await queue.heartbeat(next)).toBe('lost');
  });
}

/** Whatever a worker may say with a lease that it has lost. */
const lateWords: readonly [string, (queue: JobQueue, lease: Lease) => Promise<unknown>][] = [
  ['complete', (queue, lease) => queue.complete(lease, [picture('late')], { late: true })],
  ['fail', (queue, lease) => queue.fail(lease, fault, false)],
  ['fail with a fault', (queue, lease) => queue.fail(lease, fault, true)],
  ['release', (queue, lease) => queue.release(lease, 'queued')],
  ['release to pause', (queue, lease) => queue.release(lease, 'paused')],
  ['release as cancelled', (queue, lease) => queue.release(lease, 'cancelled')],
];

/** How a lease is lost. */
const losses: readonly [string, (queue: JobQueue, lease: Lease) => Promise<unknown>][] = [
  ['recovered', queue => queue.recover([worker.id])],
  ['leased again', async queue => [await queue.recover([worker.id]), await take(queue, otherWorker)]],
  [
    'given back and leased again',
    async (queue, lease) => [await queue.release(lease, 'queued'), await take(queue)],
  ],
  ['published', (queue, lease) => queue.complete(lease, [picture('own')], { own: true })],
  ['failed', (queue, lease) => queue.fail(lease, { code: 'X', message: 'x' }, false)],
  [
    'failed, tried again and leased',
    async (queue, lease) => {
      await queue.fail(lease, { code: 'X', message: 'x' }, false);
      await queue.retry(lease.jobId);
      await take(queue);
    },
  ],
];

function answerTests(open: OpenQueue): void {
  test('complete publishes artefacts, in their order, and the result', async () => {
    const clock = testClock();
    const { queue } = await open(clock);
    const { id, lease } = await running(queue);
    clock.advance(5000);
    const artefacts = [
      picture('picture-2'),
      picture('picture-1'),
      { ...picture('lora'), type: 'lora' as const },
    ];
    expect(await queue.complete(lease, artefacts, { seconds: 5, list: [null] })).toBe('published');
    expect(await read(queue, id)).toMatchObject({
      ...{ state: 'done', artefacts, result: { seconds: 5, list: [null] } },
      ...{ startedAt: start, endedAt: start + 5000, error: undefined, asked: undefined },
    });
  });

  test('two artefacts of one name are JOB_INVALID, and the job runs on', async () => {
    const { queue } = await open(testClock());
    const { id, lease } = await running(queue);
    const twice = [picture('a'), picture('a')];
    await expect(queue.complete(lease, twice)).rejects.toMatchObject({ code: 'JOB_INVALID' });
    expect(await read(queue, id)).toMatchObject({ state: 'running', artefacts: [] });
    expect(await queue.complete(lease, [picture('a')])).toBe('published');
  });

  test.each(['cancel', 'pause'] as const)(
    'what is done before the worker heard of %s is done',
    async action => {
      const { queue } = await open(testClock());
      const { id, lease } = await running(queue);
      await queue[action](id);
      expect(await queue.complete(lease, [picture('a')])).toBe('published');
      expect(await read(queue, id)).toMatchObject({ state: 'done', asked: undefined });
    },
  );

  test('an answer that trying again would not change ends the job at once', async () => {
    const { queue } = await open(testClock());
    const { id, lease } = await running(queue);
    expect(await queue.fail(lease, fault, false)).toBe('failed');
    expect(await read(queue, id)).toMatchObject({
      state: 'failed',
      error: fault,
      endedAt: start,
      attempt: 1,
    });
  });

  test('a fault is tried again while there are attempts, at the old place, and says why', async () => {
    const { queue } = await open(testClock());
    const { id, lease } = await running(queue, 'first', { maxAttempts: 2 });
    await add(queue, 'second');
    expect(await queue.fail(lease, fault, true)).toBe('queued');
    expect(await read(queue, id)).toMatchObject({ state: 'queued', position: 1, faults: 1, error: fault });
    const again = await take(queue);
    expect(again).toMatchObject({ jobId: id, attempt: 2 });
    expect(await read(queue, id)).toMatchObject({ error: undefined, faults: 1 });
    expect(await queue.fail(again, fault, true)).toBe('failed');
    expect(await read(queue, id)).toMatchObject({ state: 'failed', error: fault, faults: 2, maxAttempts: 2 });
  });

  test('a fault of a job that shall be cancelled or paused does not bring it back', async () => {
    const { queue } = await open(testClock());
    const { id, lease } = await running(queue);
    await queue.pause(id);
    expect(await queue.fail(lease, fault, true)).toBe('paused');
    await queue.resume(id);
    const again = await take(queue);
    await queue.cancel(id);
    expect(await queue.fail(again, fault, true)).toBe('cancelled');
    expect(await read(queue, id)).toMatchObject({ state: 'cancelled', asked: undefined });
  });

  test('given back to the queue, an attempt does not count, and its number does not come again', async () => {
    const { queue } = await open(testClock());
    const { id } = await running(queue, 'long', { maxAttempts: 1 });
    await add(queue, 'next');
    let lease = await read(queue, id).then(({ attempt }) => ({ jobId: id, attempt }) as Lease);
    for (let i = 1; i <= 5; i++) {
      expect(await queue.release(lease, 'queued')).toBe('released');
      expect(await read(queue, id)).toMatchObject({ state: 'queued', position: 1, faults: 0, attempt: i });
      lease = await take(queue);
      expect(lease).toMatchObject({ jobId: id, attempt: i + 1 });
    }
    expect(await queue.complete(lease, [])).toBe('published');
  });

  test('given back to pause and as cancelled', async () => {
    const { queue } = await open(testClock());
    const { id, lease } = await running(queue);
    expect(await queue.release(lease, 'paused')).toBe('released');
    expect(await read(queue, id)).toMatchObject({ state: 'paused', endedAt: undefined, startedAt: start });
    await queue.resume(id);
    expect(await queue.release(await take(queue), 'cancelled')).toBe('released');
    expect(await read(queue, id)).toMatchObject({ state: 'cancelled', endedAt: start });
  });

  test.each([
    ['cancel', 'queued', 'cancelled'],
    ['cancel', 'paused', 'cancelled'],
    ['pause', 'queued', 'paused'],
    ['pause', 'cancelled', 'cancelled'],
  ] as const)('asked to %s and given back as %s before it heard: %s', async (action, to, state) => {
    const { queue } = await open(testClock());
    const { id, lease } = await running(queue);
    await queue[action](id);
    expect(await queue.release(lease, to)).toBe('released');
    expect(await read(queue, id)).toMatchObject({ state, asked: undefined });
  });

  test('a pause that was taken back while the worker stopped for it: queued', async () => {
    const { queue } = await open(testClock());
    const { id, lease } = await running(queue);
    await queue.pause(id);
    expect(await queue.heartbeat(lease)).toBe('pause');
    await queue.resume(id);
    await queue.release(lease, 'paused');
    expect((await read(queue, id)).state).toBe('queued');
    // That was of this attempt only.
    await queue.release(await take(queue), 'paused');
    expect((await read(queue, id)).state).toBe('paused');
  });

  for (const [loss, lose] of losses)
    test.each(lateWords)(`once ${loss}, %s is superseded and changes nothing`, async (_, say) => {
      const { queue } = await open(testClock());
      const { id, lease } = await running(queue);
      await lose(queue, lease);
      const before = [await read(queue, id), (await queue.list()).seq];
      expect(await say(queue, lease)).toBe('superseded');
      expect([await read(queue, id), (await queue.list()).seq]).toEqual(before);
    });

  test('of two that finish at once, one is published', async () => {
    const { queue, another } = await open(testClock());
    const other = await another();
    for (let i = 0; i < 20; i++) {
      const { id, lease } = await running(queue, `job ${i}`);
      const outcomes = await Promise.all([
        queue.complete(lease, [picture('a')], 1),
        other.complete(lease, [picture('a'), picture('b')], 2),
      ]);
      expect(outcomes.sort()).toEqual(['published', 'superseded']);
      const { artefacts, result } = await read(queue, id);
      expect(artefacts).toHaveLength(result as number);
    }
  });
}

function deathTests(open: OpenQueue): void {
  test('a lease that has run out is queued again at its old place', async () => {
    const clock = testClock();
    const { queue } = await open(clock);
    const { id, lease } = await running(queue, 'first');
    await add(queue, 'second');
    await queue.heartbeat(lease, { share: 0.5, text: 'half' });
    clock.advance(leaseMs - 1);
    expect(await queue.recover()).toEqual([]);
    clock.advance(1);
    const [recovered] = await queue.recover();
    expect(recovered).toMatchObject({
      id,
      state: 'queued',
      position: 1,
      faults: 1,
      error: { code: 'JOB_DIED' },
    });
    expect(recovered?.progress).toMatchObject({ text: 'half' });
    expect(await queue.recover()).toEqual([]);
    expect(await take(queue)).toMatchObject({ jobId: id, attempt: 2 });
  });

  test('all of dead workers, and only theirs, at once', async () => {
    const { queue } = await open(testClock());
    await add(queue, 'a', 'b', 'c', 'd');
    await take(queue, worker);
    await take(queue, otherWorker);
    await take(queue, worker);
    expect((await queue.recover([worker.id, 'unknown'])).map(({ title }) => title)).toEqual(['a', 'c']);
    expect(await titles(queue)).toEqual(['b', 'a', 'c', 'd']);
  });

  test('after as many deaths as it may it fails with JOB_DIED; yields between do not count', async () => {
    const { queue } = await open(testClock());
    const [id = ''] = await add(queue, 'a');
    for (let death = 1; death <= 3; death++) {
      await queue.release(await take(queue), 'queued');
      await take(queue);
      const [job] = await queue.recover([worker.id]);
      expect(job).toMatchObject({ state: death < 3 ? 'queued' : 'failed', faults: death });
    }
    const failed = await read(queue, id);
    expect(failed).toMatchObject({ endedAt: start, error: { code: 'JOB_DIED' } });
    expect(failed.error?.message).toContain('3 times');
    expect(await queue.lease(allKinds, worker)).toBeNull();
  });

  test('jobs that need one that died too often fail', async () => {
    const { queue } = await open(testClock());
    await running(queue, 'a', { id: 'a', maxAttempts: 1 });
    await add(queue, job('b', { id: 'b', after: ['a'] }));
    expect(await queue.recover([worker.id])).toMatchObject([{ id: 'a', state: 'failed' }]);
    expect(await read(queue, 'b')).toMatchObject({ state: 'failed', error: { code: 'JOB_NEEDS_FAILED' } });
  });

  test('what was asked of one that died is done', async () => {
    const { queue } = await open(testClock());
    const [a = '', b = ''] = await add(queue, job('a', { maxAttempts: 1 }), 'b');
    await take(queue);
    await take(queue);
    await queue.cancel(a);
    await queue.pause(b);
    await queue.recover([worker.id]);
    expect(await read(queue, a)).toMatchObject({ state: 'cancelled', asked: undefined, error: undefined });
    expect(await read(queue, b)).toMatchObject({ state: 'paused', asked: undefined, faults: 1 });
  });

  test('a clock that was set back an hour does not keep a dead worker alive for an hour', async () => {
    const clock = testClock();
    const { queue } = await open(clock);
    await running(queue);
    clock.advance(-3_600_000);
    expect(await queue.recover()).toEqual([]);
    clock.advance(leaseMs);
    expect(await queue.recover()).toHaveLength(1);
  });

  test('of two supervisors that recover at once, one does', async () => {
    const clock = testClock();
    const { queue, another } = await open(clock);
    const other = await another();
    await add(queue, 'a', 'b', 'c');
    for (let i = 0; i < 3; i++) await take(queue);
    clock.advance(leaseMs);
    const recovered = (await Promise.all([queue.recover(), other.recover(), queue.recover()])).flat();
    expect(recovered.map(({ title, faults }) => [title, faults]).sort()).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ]);
  });
}
