/** Uploads: some at once, failures named, tried again. */
import { expect, test } from 'vitest';
import { openSender, type Sending, summaryOf } from './uploads.ts';

test('three at once, one fails and comes through the second time', async () => {
  let [now, most] = [0, 0];
  const bad = new Set(['d']);
  let last: readonly Sending<string>[] = [];
  const sender = openSender<string>({
    send: async (what, onShare) => {
      most = Math.max(most, ++now);
      onShare(0.5);
      await new Promise(resolve => setTimeout(resolve, 1));
      now--;
      if (bad.delete(what)) throw new Error(`${what} is no picture`);
    },
    reasonOf: fault => (fault as Error).message,
    onChange: all => {
      last = all;
    },
    signal: new AbortController().signal,
  });
  const items = ['a', 'b', 'c', 'd', 'e', 'f'].map(key => ({ key, what: key }));
  sender.add(items);
  sender.add(items.slice(0, 2));
  expect(summaryOf(last).isBusy).toBe(true);
  await sender.finished();
  expect(most).toBe(3);
  expect(summaryOf(last)).toEqual({ total: 6, done: 5, failed: 1, stopped: 0, share: 1, isBusy: false });
  expect(last.find(({ key }) => key === 'd')).toMatchObject({ state: 'failed', reason: 'd is no picture' });
  sender.retry();
  await sender.finished();
  expect(summaryOf(last)).toMatchObject({ done: 6, failed: 0 });
});

test('what is stopped begins nothing more, is over, and can be tried again by another sender', async () => {
  const stop = new AbortController();
  let last: readonly Sending<string>[] = [];
  const begun: string[] = [];
  const sender = openSender<string>({
    send: async what => {
      begun.push(what);
      stop.abort();
      throw new Error('cut off');
    },
    reasonOf: String,
    onChange: all => {
      last = all;
    },
    atOnce: 1,
    signal: stop.signal,
  });
  sender.add(['a', 'b'].map(key => ({ key, what: key })));
  await sender.finished();
  expect(begun).toEqual(['a']);
  expect(last.map(({ state }) => state)).toEqual(['stopped', 'stopped']);
  expect(summaryOf(last)).toMatchObject({ stopped: 2, failed: 0, isBusy: false });
  const again = openSender<string>({
    send: async what => void begun.push(what),
    reasonOf: String,
    onChange: all => {
      last = all;
    },
    signal: new AbortController().signal,
    before: [...last, { key: 'c', what: 'c', state: 'done', share: 1 }],
  });
  again.retry();
  await again.finished();
  expect(begun).toEqual(['a', 'a', 'b']);
  expect(summaryOf(last)).toMatchObject({ total: 3, done: 3, isBusy: false });
});
