/** @file Contract: the list, its order, its pages and its filters. */
import { expect, test } from 'vitest';
import { add, fault, job, type OpenQueue, running, take, testClock, titles } from './setting.ts';

export function listTests(open: OpenQueue): void {
  /** Two jobs in each state. */
  const setting = async () => {
    const clock = testClock();
    const { queue } = await open(clock);
    const tick = () => clock.advance(1000);
    for (const title of ['done 1', 'done 2']) {
      await queue.complete((await running(queue, title)).lease, []);
      tick();
    }
    for (const title of ['failed 1', 'failed 2']) {
      await queue.fail((await running(queue, title, { kind: 'merge' })).lease, fault, false);
      tick();
    }
    const [cancelled = ''] = await add(queue, 'cancelled 1');
    await queue.cancel(cancelled);
    for (const title of ['running 1', 'running 2']) {
      await running(queue, title);
      tick();
    }
    const paused = await add(queue, 'paused 1', job('paused 2', { kind: 'merge' }));
    for (const id of paused.reverse()) await queue.pause(id);
    await add(queue, 'queued 2', job('queued 1', { kind: 'generate' }), job('queued 3', { priority: 1 }));
    return queue;
  };
  const order = [
    ...['running 1', 'running 2', 'queued 1', 'queued 2', 'queued 3', 'paused 1', 'paused 2'],
    ...['cancelled 1', 'failed 2', 'failed 1', 'done 2', 'done 1'],
  ];

  test('running, queued in their order, paused, ended ones the newest first', async () => {
    const queue = await setting();
    const page = await queue.list();
    expect(page.jobs.map(({ title }) => title)).toEqual(order);
    expect(page.total).toBe(12);
    expect(page.jobs.map(({ position }) => position).filter(position => position !== undefined)).toEqual([
      1, 2, 3,
    ]);
  });

  test('every page is a part of it, with the total of all', async () => {
    const queue = await setting();
    for (const limit of [1, 2, 5, 7, 100])
      for (let offset = 0; offset <= 13; offset++) {
        const { total, jobs } = await queue.list({ limit, offset });
        expect(total).toBe(12);
        expect(jobs.map(({ title }) => title)).toEqual(order.slice(offset, offset + limit));
      }
    expect(await queue.list({ limit: 0 })).toMatchObject({ total: 12, jobs: [] });
  });

  test('by states, kinds, ids, and all of them', async () => {
    const queue = await setting();
    expect(await titles(queue, { states: ['done', 'queued'] })).toEqual([
      'queued 1',
      'queued 2',
      'queued 3',
      'done 2',
      'done 1',
    ]);
    expect(await titles(queue, { kinds: ['merge'] })).toEqual(['paused 2', 'failed 2', 'failed 1']);
    expect(
      await titles(queue, { kinds: ['merge', 'generate'], states: ['queued', 'failed'], limit: 2 }),
    ).toEqual(['queued 1', 'failed 2']);
    const { jobs } = await queue.list();
    const ids = [jobs[9]?.id ?? '', jobs[3]?.id ?? '', 'nobody', jobs[4]?.id ?? ''];
    expect(await titles(queue, { ids })).toEqual(['queued 2', 'queued 3', 'failed 1']);
    expect(await titles(queue, { ids, states: ['queued'] })).toEqual(['queued 2', 'queued 3']);
    for (const nothing of [{ states: [] }, { kinds: [] }, { ids: [] }, { ids: ['nobody'] }])
      expect(await queue.list(nothing)).toMatchObject({ total: 0, jobs: [] });
  });

  test('positions are those among all queued jobs, whatever is asked for', async () => {
    const queue = await setting();
    const { jobs } = await queue.list({ kinds: ['train'], states: ['queued'], offset: 1 });
    expect(jobs).toMatchObject([{ title: 'queued 3', position: 3 }]);
    await take(queue);
    expect(
      (await queue.list({ states: ['queued'] })).jobs.map(({ title, position }) => [title, position]),
    ).toEqual([
      ['queued 2', 1],
      ['queued 3', 2],
    ]);
  });

  test('100 jobs unless said', async () => {
    const { queue } = await open(testClock());
    await add(queue, ...Array.from({ length: 130 }, (_, i) => `${i}`));
    expect((await queue.list()).jobs).toHaveLength(100);
    expect((await queue.list({ limit: 120 })).jobs).toHaveLength(120);
  });
}
