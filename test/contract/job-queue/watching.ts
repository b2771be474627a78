/** @file Contract: events, from now on or from where a reader was. */
import { expect, test } from 'vitest';
import {
  add,
  fault,
  job,
  listen,
  type OpenQueue,
  picture,
  running,
  take,
  testClock,
  worker,
} from './setting.ts';

export function watchTests(open: OpenQueue): void {
  test('tells every change from the call on, numbered without gaps', async () => {
    const { queue } = await open(testClock());
    await add(queue, 'before');
    const { seq } = await queue.list();
    const ears = listen(queue);
    const [id = ''] = await add(queue, job('a', { priority: 90 }));
    await ears.until(({ job }) => job.state === 'queued');
    const lease = await take(queue);
    await ears.until(({ job }) => job.state === 'running');
    await queue.heartbeat(lease, { share: 0.5, text: 'half' });
    await ears.until(({ type }) => type === 'progress');
    await queue.complete(lease, [picture('a')], 7);
    await ears.until(({ job }) => job.state === 'done');
    await queue.remove(id);
    await ears.until(({ type }) => type === 'removed');
    await ears.stop();
    expect(ears.heard.map(event => [event.seq - seq, event.type, event.job.state])).toEqual([
      [1, 'changed', 'queued'],
      [2, 'changed', 'running'],
      [3, 'progress', 'running'],
      [4, 'changed', 'done'],
      [5, 'removed', 'done'],
    ]);
    expect(ears.heard[2]?.job.progress).toEqual({ share: 0.5, text: 'half' });
    expect(ears.heard[3]?.job).toMatchObject({ id, result: 7 });
    expect(ears.heard.at(-1)?.job).toMatchObject({ id, artefacts: [picture('a')], error: undefined });
    expect(ears.heard.at(-1)?.job).toMatchObject({ payload: undefined, result: undefined });
    expect(Object.keys(ears.heard[4]?.job ?? {}).sort()).toEqual(
      Object.keys(ears.heard[0]?.job ?? {}).sort(),
    );
  });

  test('each thing that happens is told', async () => {
    const { queue } = await open(testClock());
    const { id, lease } = await running(queue, 'a', { id: 'a' });
    await add(queue, job('b', { id: 'b', after: [id] }), job('c', { id: 'c' }));
    const happenings: [string, () => Promise<unknown>, string[]][] = [
      ['pause asked', () => queue.pause(id), ['a running']],
      ['resumed', () => queue.resume(id), ['a running']],
      ['moved', () => queue.move('c', 'first'), ['c queued']],
      ['paused', () => queue.pause('c'), ['c paused']],
      ['queued', () => queue.resume('c'), ['c queued']],
      ['failed with those that need it', () => queue.fail(lease, fault, false), ['a failed', 'b failed']],
      ['again', () => queue.retry(id), ['a queued']],
      ['leased', () => queue.lease(['train'], worker), ['c running']],
      ['recovered', () => queue.recover([worker.id]), ['c queued']],
      ['cancelled', () => queue.cancel('c'), ['c cancelled']],
      ['renewed: nothing', () => queue.heartbeat(lease), []],
    ];
    for (const [name, act, expected] of happenings) {
      const { seq } = await queue.list();
      await act();
      const ears = listen(queue, {}, seq);
      for (const told of expected) await ears.until(({ job }) => `${job.id} ${job.state}` === told);
      expect((await queue.list()).seq - seq, name).toBe(expected.length);
      await ears.stop();
    }
  });

  test('goes on from where a reader was, over a restart, with nothing missed', async () => {
    const { queue, reopen } = await open(testClock());
    await add(queue, 'a', 'b');
    const { seq } = await queue.list();
    await add(queue, 'c');
    const again = await reopen();
    const ears = listen(again, {}, seq);
    await ears.until(({ job }) => job.title === 'c');
    await add(again, 'd');
    await ears.until(({ job }) => job.title === 'd');
    await ears.stop();
    expect(ears.heard.map(event => [event.seq, event.job.title])).toEqual([
      [seq + 1, 'c'],
      [seq + 2, 'd'],
    ]);
  });

  test('several changes of a job that wait are told as one, the last; of progress only the last is kept', async () => {
    const { queue } = await open(testClock());
    const { seq } = await queue.list();
    const { lease } = await running(queue, 'a');
    for (let i = 1; i <= 500; i++) await queue.heartbeat(lease, { share: i / 500, text: `step ${i}` });
    await add(queue, 'b');
    const ears = listen(queue, {}, seq);
    await ears.until(({ job }) => job.title === 'b');
    await ears.stop();
    expect(ears.heard.map(event => [event.seq - seq, event.type, event.job.progress?.text])).toEqual([
      [502, 'changed', 'step 500'],
      [503, 'changed', undefined],
    ]);
  });

  test('hears what another process does', async () => {
    const { queue, another } = await open(testClock());
    const other = await another();
    const ears = listen(queue);
    await add(other, 'theirs');
    const begun = performance.now();
    await ears.until(({ job }) => job.title === 'theirs');
    expect(performance.now() - begun).toBeLessThan(5000);
    await ears.stop();
  });

  test('only of jobs that are asked for', async () => {
    const { queue } = await open(testClock());
    const byKind = listen(queue, { kinds: ['merge'] });
    const byState = listen(queue, { states: ['running', 'done'] });
    const byId = listen(queue, { ids: ['x'] });
    await add(queue, 'a', job('m', { kind: 'merge' }), job('x', { id: 'x', priority: 60 }));
    await byKind.until(({ job }) => job.title === 'm');
    await byId.until(({ job }) => job.state === 'queued');
    const lease = await take(queue);
    await byState.until(({ job }) => job.state === 'running');
    await queue.complete(lease, []);
    await byState.until(({ job }) => job.state === 'done');
    await byId.until(({ job }) => job.state === 'done');
    for (const ears of [byKind, byState, byId]) await ears.stop();
    expect(byKind.heard.map(({ job }) => job.title)).toEqual(['m']);
    expect(byState.heard.map(({ job }) => job.title)).toEqual(['x', 'x']);
    expect(new Set(byId.heard.map(({ job }) => job.id))).toEqual(new Set(['x']));
  });

  test('events that were dropped or never were: EVENTS_GONE', async () => {
    const { queue } = await open(testClock());
    await queue.enqueue(Array.from({ length: 9_999 }, (_, i) => job(`${i}`)));
    const slow = queue.watch({}, new AbortController().signal, 0)[Symbol.asyncIterator]();
    expect((await slow.next()).value).toMatchObject({ seq: 1 });
    const { lease } = await running(queue, 'last', { priority: 90 });
    await queue.complete(lease, []);
    const { seq } = await queue.list();
    expect(seq).toBe(10_002);
    await expect(listen(queue, {}, 1).ended).rejects.toMatchObject({ code: 'EVENTS_GONE' });
    await expect(listen(queue, {}, seq + 1).ended).rejects.toMatchObject({ code: 'EVENTS_GONE' });
    const kept = listen(queue, {}, 2);
    await kept.until(({ job }) => job.title === 'last');
    await kept.stop();
    // The slow one is 9,900 behind; it still reads what is kept, and is told once it is not.
    await queue.enqueue(Array.from({ length: 2000 }, (_, i) => job(`more ${i}`)));
    const readOn = async (): Promise<void> => {
      while (!(await slow.next()).done);
    };
    await expect(readOn()).rejects.toMatchObject({ code: 'EVENTS_GONE' });
  });

  test('ends with its signal and with the queue', async () => {
    const { queue } = await open(testClock());
    await expect(listen(queue).stop()).resolves.toBeUndefined();
    const aborted = queue.watch({}, AbortSignal.abort())[Symbol.asyncIterator]();
    expect(await aborted.next()).toMatchObject({ done: true });
    const ears = listen(queue);
    await queue.close();
    await ears.ended;
    await expect(queue.list()).rejects.toMatchObject({ code: 'JOBS_CLOSED' });
    await expect(queue.enqueue([job('late')])).rejects.toMatchObject({ code: 'JOBS_CLOSED' });
    await queue.close();
  });
}
