/** @file Contract: cancel, pause, resume, retry, move, remove; and what each state allows. */
import { describe, expect, test } from 'vitest';
import type { JobId, JobQueue, JobState } from '../../../src/jobs/index.ts';
import {
  add,
  fault,
  job,
  leaseAll,
  type OpenQueue,
  picture,
  read,
  running,
  start,
  take,
  testClock,
  titles,
  worker,
} from './setting.ts';

export function peopleTests(open: OpenQueue): void {
  describe('cancel, pause, resume, retry, remove', () => actionTests(open));
  describe('move', () => moveTests(open));
  describe('what a state does not allow', () => stateTests(open));
}

function actionTests(open: OpenQueue): void {
  test('queued and paused jobs are cancelled at once', async () => {
    const { queue } = await open(testClock());
    const [a = '', b = ''] = await add(queue, 'a', 'b');
    await queue.pause(b);
    for (const id of [a, b]) {
      expect(await queue.cancel(id)).toMatchObject({
        id,
        state: 'cancelled',
        endedAt: start,
        asked: undefined,
      });
    }
    expect(await leaseAll(queue)).toEqual([]);
  });

  test('a running job is cancelled when its worker hears of it', async () => {
    const { queue } = await open(testClock());
    const { id, lease } = await running(queue);
    expect(await queue.cancel(id)).toMatchObject({ state: 'running', asked: 'cancel' });
    expect(await queue.heartbeat(lease)).toBe('cancel');
    await queue.release(lease, 'cancelled');
    expect(await read(queue, id)).toMatchObject({ state: 'cancelled', asked: undefined });
  });

  test('a running job is paused when its worker hears of it, and cancel goes before pause', async () => {
    const { queue } = await open(testClock());
    const { id, lease } = await running(queue);
    expect(await queue.pause(id)).toMatchObject({ state: 'running', asked: 'pause' });
    await queue.release(lease, 'paused');
    expect(await queue.resume(id)).toMatchObject({ state: 'queued', position: 1 });
    await take(queue);
    await queue.pause(id);
    expect(await queue.cancel(id)).toMatchObject({ asked: 'cancel' });
  });

  test('resumed, a job is at its old place', async () => {
    const { queue } = await open(testClock());
    const [a = '', b = ''] = await add(queue, 'a', 'b', 'c');
    expect(await queue.pause(b)).toMatchObject({ state: 'paused', position: undefined });
    await queue.pause(a);
    expect(await titles(queue, { states: ['queued'] })).toEqual(['c']);
    await queue.resume(a);
    expect(await queue.resume(b)).toMatchObject({ state: 'queued', position: 2 });
    expect(await titles(queue)).toEqual(['a', 'b', 'c']);
  });

  test('asked for what is so already, nothing changes and nothing is told', async () => {
    const { queue } = await open(testClock());
    const [paused = '', cancelled = '', queued = ''] = await add(queue, 'paused', 'cancelled', 'queued');
    await queue.pause(paused);
    await queue.cancel(cancelled);
    const { id } = await running(queue, 'running', { priority: 90 });
    await queue.cancel(id);
    const { seq } = await queue.list();
    expect(await queue.pause(paused)).toMatchObject({ state: 'paused' });
    expect(await queue.cancel(cancelled)).toMatchObject({ state: 'cancelled' });
    expect(await queue.resume(queued)).toMatchObject({ state: 'queued' });
    expect(await queue.cancel(id)).toMatchObject({ state: 'running', asked: 'cancel' });
    expect((await queue.list()).seq).toBe(seq);
  });

  test.each(['failed', 'cancelled'] as const)(
    'a %s job can be tried again with new attempts, last of its priority',
    async state => {
      const clock = testClock();
      const { queue } = await open(clock);
      const { id, lease } = await running(queue, 'a', { maxAttempts: 1 });
      await add(queue, 'b', job('low', { priority: 1 }));
      await queue.heartbeat(lease, { share: 0.3, text: 'a third' });
      if (state === 'failed') await queue.fail(lease, fault, true);
      else await queue.release(lease, 'cancelled');
      clock.advance(1000);
      expect(await queue.retry(id)).toMatchObject({
        ...{ state: 'queued', position: 2, faults: 0, attempt: 1, maxAttempts: 1, error: undefined },
        ...{ startedAt: undefined, endedAt: undefined, progress: undefined },
      });
      expect(await take(queue)).toMatchObject({ title: 'b' });
      const again = await take(queue);
      expect(again).toMatchObject({ jobId: id, attempt: 2 });
      expect((await read(queue, id)).startedAt).toBe(start + 1000);
      expect(await queue.complete(again, [picture('a')])).toBe('published');
    },
  );

  test('a job that needs a failed one can be tried again after that one', async () => {
    const { queue } = await open(testClock());
    const { lease } = await running(queue, 'a', { id: 'a' });
    await add(queue, job('b', { id: 'b', after: ['a'] }), job('c', { id: 'c', after: ['b', 'a'] }));
    await queue.fail(lease, fault, false);
    await expect(queue.retry('b')).rejects.toMatchObject({
      code: 'JOB_STATE',
      message: expect.stringContaining('job a (a)'),
    });
    await queue.retry('a');
    await expect(queue.retry('c')).rejects.toMatchObject({
      code: 'JOB_STATE',
      message: expect.stringContaining('job b (b)'),
    });
    await queue.retry('b');
    await queue.retry('c');
    for (const title of ['a', 'b', 'c']) {
      const next = await take(queue);
      expect(next.title).toBe(title);
      expect(await queue.lease(['train'], worker)).toBeNull();
      await queue.complete(next, []);
    }
  });

  test('a job that needs a failed one which was removed cannot be tried again', async () => {
    const { queue } = await open(testClock());
    const { lease } = await running(queue, 'a', { id: 'a' });
    await add(queue, job('b', { id: 'b', after: ['a'] }));
    await queue.fail(lease, fault, false);
    await queue.remove('a');
    await expect(queue.retry('b')).rejects.toMatchObject({
      code: 'JOB_STATE',
      message: expect.stringContaining('removed'),
    });
    await queue.remove('b');
    expect((await queue.list()).total).toBe(0);
  });

  test('a removed job is forgotten with its artefacts; its id is free', async () => {
    const { queue } = await open(testClock());
    const { id, lease } = await running(queue, 'a', { id: 'a' });
    await queue.complete(lease, [picture('a')], 1);
    await queue.remove(id);
    expect(await queue.get(id)).toBeUndefined();
    await expect(queue.remove(id)).rejects.toMatchObject({ code: 'JOB_UNKNOWN' });
    const again = await running(queue, 'anew', { id: 'a' });
    expect(await read(queue, again.id)).toMatchObject({ title: 'anew', artefacts: [], result: undefined });
  });
}

function moveTests(open: OpenQueue): void {
  const setting = async () => {
    const { queue } = await open(testClock());
    await add(
      queue,
      ...['a', 'b', 'c', 'd'].map(id => job(id, { id })),
      job('high', { id: 'high', priority: 70 }),
    );
    return queue;
  };
  test.each<[string, JobId, Parameters<JobQueue['move']>[1], string]>([
    ['first', 'c', 'first', 'high c a b d'],
    ['last', 'a', 'last', 'high b c d a'],
    ['before one', 'd', { before: 'b' }, 'high a d b c'],
    ['before the first', 'd', { before: 'a' }, 'high d a b c'],
    ['before its neighbour', 'a', { before: 'b' }, 'high a b c d'],
    ['after one', 'a', { after: 'c' }, 'high b c a d'],
    ['after the last', 'a', { after: 'd' }, 'high b c d a'],
    ['after its neighbour', 'b', { after: 'a' }, 'high a b c d'],
    ['before itself', 'b', { before: 'b' }, 'high a b c d'],
    ['after itself', 'b', { after: 'b' }, 'high a b c d'],
    ['to another priority, last there', 'a', { priority: 70 }, 'high a b c d'],
    ['to a lower priority', 'a', { priority: 1 }, 'high b c d a'],
    ['to its own priority', 'a', { priority: 50 }, 'high a b c d'],
    ['before one of another priority', 'c', { before: 'high' }, 'c high a b d'],
    ['after one of another priority', 'high', { after: 'b' }, 'a b high c d'],
    ['first of its priority only', 'b', 'first', 'high b a c d'],
  ])('%s', async (_, id, to, order) => {
    const queue = await setting();
    const expected = order.split(' ');
    expect(await queue.move(id, to)).toMatchObject({ id, position: expected.indexOf(id) + 1 });
    expect(await titles(queue)).toEqual(expected);
    expect(await leaseAll(queue)).toEqual(expected);
  });

  test('beside one of another priority, it takes that priority', async () => {
    const queue = await setting();
    expect(await queue.move('c', { after: 'high' })).toMatchObject({ priority: 70 });
  });

  test('a paused job keeps the place that it was given', async () => {
    const queue = await setting();
    await queue.pause('a');
    await queue.move('a', { after: 'b' });
    await queue.move('d', { before: 'a' });
    await queue.resume('a');
    expect(await titles(queue)).toEqual(['high', 'b', 'd', 'a', 'c']);
  });

  test('hundreds of moves to the same gap', async () => {
    const queue = await setting();
    await queue.move('c', { after: 'a' });
    for (let i = 0; i < 150; i++) {
      await queue.move(i % 2 ? 'c' : 'd', { after: 'a' });
      expect(await titles(queue)).toEqual(['high', 'a', ...(i % 2 ? ['c', 'd'] : ['d', 'c']), 'b']);
    }
  });

  test('unknown and ended neighbours, and what is no priority', async () => {
    const queue = await setting();
    await queue.cancel('d');
    await expect(queue.move('a', { before: 'nobody' })).rejects.toMatchObject({ code: 'JOB_UNKNOWN' });
    await expect(queue.move('nobody', 'first')).rejects.toMatchObject({ code: 'JOB_UNKNOWN' });
    await expect(queue.move('a', { after: 'd' })).rejects.toMatchObject({ code: 'JOB_STATE' });
    await expect(queue.move('a', { priority: 0.5 })).rejects.toMatchObject({ code: 'JOB_INVALID' });
    await expect(queue.move('a', { priority: Number.NaN })).rejects.toMatchObject({ code: 'JOB_INVALID' });
    expect(await titles(queue, { states: ['queued'] })).toEqual(['high', 'a', 'b', 'c']);
  });
}

/** A job in each state. */
const states: Readonly<Record<JobState | 'being cancelled', (queue: JobQueue) => Promise<unknown>>> = {
  queued: async () => undefined,
  running: queue => take(queue),
  paused: queue => queue.pause('x'),
  done: async queue => queue.complete(await take(queue), []),
  failed: async queue => queue.fail(await take(queue), fault, false),
  cancelled: queue => queue.cancel('x'),
  'being cancelled': async queue => [await take(queue), await queue.cancel('x')],
};

const actions = {
  cancel: queue => queue.cancel('x'),
  pause: queue => queue.pause('x'),
  resume: queue => queue.resume('x'),
  retry: queue => queue.retry('x'),
  move: queue => queue.move('x', 'first'),
  remove: queue => queue.remove('x'),
} satisfies Readonly<Record<string, (queue: JobQueue) => Promise<unknown>>>;

/** What is refused, and what the hint offers instead. */
const refused: Readonly<Record<keyof typeof states, readonly [actions: string, possible: string]>> = {
  queued: ['retry remove', 'cancel, pause, move'],
  running: ['retry move remove', 'cancel, pause'],
  paused: ['retry remove', 'cancel, resume, move'],
  done: ['cancel pause resume retry move', 'remove'],
  failed: ['cancel pause resume move', 'retry, remove'],
  cancelled: ['pause resume move', 'retry, remove'],
  'being cancelled': ['pause resume retry move remove', 'Nothing can be done'],
};

function stateTests(open: OpenQueue): void {
  for (const [state, [names, possible]] of Object.entries(refused))
    test(`${state}: ${names} → JOB_STATE, and that it could be ${possible}`, async () => {
      for (const [name, act] of Object.entries(actions)) {
        const { queue } = await open(testClock());
        await add(queue, job('Zorbi', { id: 'x' }));
        await states[state as JobState](queue);
        const before = [await queue.get('x'), (await queue.list()).seq];
        if (!names.split(' ').includes(name)) {
          await act(queue);
          continue;
        }
        await expect(act(queue), `${name} of a ${state} job`).rejects.toMatchObject({
          ...{ code: 'JOB_STATE', message: expect.stringContaining('job x (Zorbi)') },
          hint: expect.stringContaining(possible),
        });
        expect([await queue.get('x'), (await queue.list()).seq]).toEqual(before);
      }
    });

  test.each(Object.entries(actions))('%s of an unknown job → JOB_UNKNOWN', async (_, act) => {
    const { queue } = await open(testClock());
    await expect(act(queue)).rejects.toMatchObject({ code: 'JOB_UNKNOWN', message: 'there is no job x' });
  });
}
