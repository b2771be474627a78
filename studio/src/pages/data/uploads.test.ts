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
  expect(summaryOf(last)).toEqual({ total: 6, done: 5, failed: 1, share: 1, isBusy: false });
  expect(last.find(({ key }) => key === 'd')).toMatchObject({ state: 'failed', reason: 'd is no picture' });
  sender.retry();
  await sender.finished();
  expect(summaryOf(last)).toMatchObject({ done: 6, failed: 0 });
});

test('what is stopped begins nothing more', async () => {
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
  expect(last.map(({ state, reason }) => reason ?? state)).toEqual(['stopped', 'waiting']);
});
