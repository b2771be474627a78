/** What others did meanwhile, from /proc/stat as Linux writes it. */
import { expect, test } from 'vitest';
import { coreSeconds, shareOfOthers } from './others.ts';

test('idle and waiting cores are not busy; interrupts and stolen time are; time of guests is counted already', () => {
  const stat = 'cpu  1000 200 300 4000 500 60 70 80 900 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n';
  expect(coreSeconds(stat)).toEqual({ busy: 17.1, all: 62.1 });
});

test('own work is not that of others, and counters that differ a little say nothing', () => {
  const before = { busy: 100, all: 500, own: 3 };
  expect(shareOfOthers(before, { busy: 118, all: 520, own: 17 })).toBe(0.2);
  expect(shareOfOthers(before, { busy: 110, all: 520, own: 13.01 })).toBe(0);
});
