/** Time left is told by the share done since the first step, once it can be known. */
import { expect, test } from 'vitest';
import { openTimeLeft } from './time-left.ts';

test('nothing at first; then by the pace since the first step, not since the start', () => {
  let seconds = 100; // opening the model took that long
  const left = openTimeLeft(() => seconds);
  expect(left(0.1)).toBe('');
  seconds = 101;
  expect(left(0.2)).toBe(''); // a second says too little
  seconds = 104;
  // 0.4 of the work in 4 s: 0.5 takes 5.
  expect(left(0.5)).toBe(', 5.0 s left');
  seconds = 120;
  expect(left(0.3)).toBe(', 1 min 10 s left');
});

test('no time where nothing moves on', () => {
  let seconds = 0;
  const left = openTimeLeft(() => seconds);
  expect(left(0.5)).toBe('');
  seconds = 60;
  expect(left(0.5)).toBe('');
});
