/** When states are due: by steps, by the clock, and seldom where the disk is slow. */
import { expect, test } from 'vitest';
import { openSavePace } from './save-pace.ts';

/** The share of the time that saves take when a step and a save take so long (seconds), and how many there are. */
function run(step: number, save: number, fields = { stateEvery: 0, stateEveryMinutes: 1 }) {
  let now = 0;
  const pace = openSavePace(fields, () => now);
  let saves = 0;
  for (let i = 1; i <= 20_000; i++) {
    now += 1000 * step;
    if (!pace.isDue(i)) continue;
    now += 1000 * save;
    pace.saved(save);
    saves++;
  }
  return { saves, share: (1000 * saves * save) / now, seconds: now / 1000 };
}

test('once a minute, and never for more than 2 % of the time', () => {
  const quick = run(0.5, 0.01);
  expect(quick.saves).toBeGreaterThan(quick.seconds / 75);
  expect(quick.saves).toBeLessThanOrEqual(quick.seconds / 60);
  const slow = run(0.5, 10);
  expect(slow.share).toBeLessThanOrEqual(0.02);
  expect(slow.share).toBeGreaterThan(0.015);
  // Every eighth step of ten seconds.
  expect(run(10, 0.1).saves).toBe(2500);
});

test('by steps: at each of them, whatever it costs', () => {
  expect(run(0.5, 10, { stateEvery: 50, stateEveryMinutes: 1e6 }).saves).toBe(400);
});

test('fast runs save where a rollback goes to, slow runs do not wait for it long', () => {
  let now = 0;
  const pace = openSavePace({ stateEvery: 0, stateEveryMinutes: 1 }, () => now);
  now = 61_000;
  expect([pace.isDue(41), pace.isDue(60)]).toEqual([false, true]);
  now = 75_000;
  expect(pace.isDue(41)).toBe(true);
});
