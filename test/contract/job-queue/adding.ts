/** @file Contract: what is added, and what comes back of it. */
import { expect, test } from 'vitest';
import {
  add,
  allKinds,
  fault,
  job,
  type OpenQueue,
  read,
  running,
  start,
  take,
  testClock,
  titles,
} from './setting.ts';

export function addingTests(open: OpenQueue): void {
  test('a job comes back as it was given, with the usual of its kind', async () => {
    const { queue } = await open(testClock());
    const payload = { prompt: 'a "zorbi" – 猫 🐈', seed: 7, nested: { list: [1, null, true] } };
    const [id = ''] = await queue.enqueue([{ kind: 'generate', title: 'Ein Bild', payload }]);
    expect(await read(queue, id)).toEqual({
      ...{ id, kind: 'generate', title: 'Ein Bild', payload, state: 'queued', priority: 100, position: 1 },
      ...{ attempt: 0, faults: 0, maxAttempts: 3, after: [], createdAt: start, artefacts: [] },
      ...{ startedAt: undefined, endedAt: undefined, progress: undefined, error: undefined },
      ...{ asked: undefined, result: undefined },
    });
    expect((await read(queue, (await add(queue, 'usual'))[0] ?? '')).priority).toBe(50);
    expect(id).toMatch(/^[\w-]{8,64}$/);
  });

  test('jobs are there after a restart, with their places and leases', async () => {
    const { queue, reopen } = await open(testClock());
    const { lease } = await running(queue, 'running');
    const ids = await add(queue, 'one', 'two', 'three');
    await queue.move(ids[2] ?? '', 'first');
    await queue.pause(ids[0] ?? '');
    const again = await reopen();
    expect(await titles(again)).toEqual(['running', 'three', 'two', 'one']);
    expect(await again.heartbeat(lease)).toBe('continue');
    expect(await again.complete(lease, [])).toBe('published');
  });

  test('a known id is not added again, in one call or two, whatever its state', async () => {
    const { queue } = await open(testClock());
    const named = job('first', { id: 'wish-1_A' });
    expect(await add(queue, named, job('second', { id: 'wish-1_A' }), 'other')).toHaveLength(3);
    expect(await add(queue, job('third', { id: 'wish-1_A' }))).toEqual(['wish-1_A']);
    expect(await titles(queue)).toEqual(['first', 'other']);
    await queue.complete(await take(queue), []);
    await add(queue, named);
    expect((await read(queue, 'wish-1_A')).state).toBe('done');
  });

  test('nothing to add is nothing', async () => {
    const { queue } = await open(testClock());
    expect(await queue.enqueue([])).toEqual([]);
    expect(await queue.list()).toMatchObject({ total: 0, seq: 0, jobs: [] });
    expect(await queue.get('nobody')).toBeUndefined();
  });

  const circle: Record<string, unknown> = {};
  circle.self = circle;
  test.each([
    ['an id with a slash', { id: '../x' }],
    ['an empty id', { id: '' }],
    ['a long id', { id: 'x'.repeat(65) }],
    ['a priority that is none', { priority: Number.NaN }],
    ['half a priority', { priority: 1.5 }],
    ['no attempts', { maxAttempts: 0 }],
    ['an unknown kind', { kind: 'bake' as never }],
    ['an inherited kind', { kind: 'toString' as never }],
    ['a payload in a circle', { payload: circle }],
    ['no payload', { payload: undefined }],
    ['a number that JSON cannot hold', { payload: { seed: 1n } }],
    ['a payload of 5 MB', { payload: 'x'.repeat(5 * 2 ** 20) }],
  ])('%s is JOB_INVALID, and nothing of its call is added', async (_, more) => {
    const { queue } = await open(testClock());
    await expect(add(queue, 'good', job('bad', more))).rejects.toMatchObject({ code: 'JOB_INVALID' });
    expect((await queue.list()).total).toBe(0);
  });

  test('a job waits for those that it needs', async () => {
    const { queue } = await open(testClock());
    const [first = '', second = ''] = await add(queue, 'first', 'second');
    const [last = ''] = await add(queue, job('last', { after: [first, second, first], priority: 90 }));
    expect(await read(queue, last)).toMatchObject({ state: 'queued', position: 1, after: [first, second] });
    const leases = [await take(queue), await take(queue)];
    expect(leases.map(({ title }) => title)).toEqual(['first', 'second']);
    expect(await queue.lease(allKinds, { id: 'w', pid: 1 })).toBeNull();
    for (const lease of leases) {
      expect(await queue.lease(allKinds, { id: 'w', pid: 1 })).toBeNull();
      await queue.complete(lease, []);
    }
    expect((await take(queue)).title).toBe('last');
  });

  test('what is needed may be earlier in the same call, or done already, also when it is removed then', async () => {
    const { queue } = await open(testClock());
    await add(
      queue,
      job('a', { id: 'a' }),
      job('b', { id: 'b', after: ['a'] }),
      job('c', { id: 'c', after: ['b'] }),
    );
    for (const title of ['a', 'b']) {
      const lease = await take(queue);
      expect(lease.title).toBe(title);
      expect(await queue.lease(allKinds, { id: 'w', pid: 1 })).toBeNull();
      await queue.complete(lease, []);
      await queue.remove(lease.jobId);
    }
    await queue.complete(await take(queue), []);
    await add(queue, job('d', { after: ['c'] }));
    expect((await take(queue)).title).toBe('d');
  });

  test('an unknown or later job cannot be needed: JOB_UNKNOWN, and nothing is added', async () => {
    const { queue } = await open(testClock());
    await expect(add(queue, 'x', job('y', { after: ['nobody'] }))).rejects.toMatchObject({
      code: 'JOB_UNKNOWN',
    });
    const circle = [job('a', { id: 'a', after: ['b'] }), job('b', { id: 'b', after: ['a'] })];
    await expect(add(queue, ...circle)).rejects.toMatchObject({ code: 'JOB_UNKNOWN' });
    await expect(add(queue, job('s', { id: 's', after: ['s'] }))).rejects.toMatchObject({
      code: 'JOB_UNKNOWN',
    });
    expect((await queue.list()).total).toBe(0);
  });

  test.each(['failed', 'cancelled'] as const)(
    'where one %s, all that need it fail, also paused and later ones',
    async state => {
      const { queue } = await open(testClock());
      const { lease } = await running(queue, 'first', { id: 'first' });
      await add(queue, 'other', job('b', { id: 'b', after: ['first'] }), job('c', { id: 'c', after: ['b'] }));
      await add(queue, job('p', { id: 'p', after: ['first'] }));
      await queue.pause('p');
      if (state === 'failed') await queue.fail(lease, fault, false);
      else await queue.release(lease, 'cancelled');
      await add(queue, job('late', { id: 'late', after: ['first'] }));
      for (const [id, cause] of [
        ['b', 'first'],
        ['p', 'first'],
        ['late', 'first'],
        ['c', 'b'],
      ] as const) {
        const failed = await read(queue, id);
        expect(failed).toMatchObject({
          state: 'failed',
          error: { code: 'JOB_NEEDS_FAILED' },
          endedAt: start,
        });
        expect(failed.error?.message).toContain(
          `job ${cause} (${cause}), which ${id === 'c' || state === 'failed' ? 'failed' : 'was cancelled'}`,
        );
      }
      expect(await titles(queue, { states: ['queued'] })).toEqual(['other']);
    },
  );

  test('10,000 jobs of one call are there, or none', async () => {
    const { queue } = await open(testClock());
    const many = Array.from({ length: 10_000 }, (_, i) => job(`job ${i}`));
    await expect(queue.enqueue([...many, job('bad', { after: ['x'] })])).rejects.toThrow();
    expect((await queue.list()).total).toBe(0);
    expect(new Set(await queue.enqueue(many)).size).toBe(10_000);
    const page = await queue.list({ offset: 9_950 });
    expect(page).toMatchObject({ total: 10_000, seq: 10_000 });
    expect(page.jobs.map(({ position }) => position)).toEqual(
      Array.from({ length: 50 }, (_, i) => 9_951 + i),
    );
  });
}
