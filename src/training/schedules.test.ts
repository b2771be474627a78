import { describe, expect, test } from 'vitest';
import { learningRateAt, type RateSchedule, scheduleNames } from './schedules.ts';

const rates = (schedule: RateSchedule): number[] =>
  Array.from({ length: schedule.steps }, (_, step) => learningRateAt(schedule, step));

describe.each(scheduleNames)('%s', name => {
  test.each([0, 1, 5, 40])(
    'after %i steps of warm-up it starts at the rate and never leaves 0 … rate',
    warmupSteps => {
      const schedule = { name, rate: 2, warmupSteps, steps: 40, cycles: 3, power: 2 };
      const all = rates(schedule);
      if (warmupSteps > 0) expect(all[warmupSteps - 1]).toBe(2);
      if (warmupSteps < 40) expect(all[warmupSteps]).toBe(2);
      for (const rate of all) {
        expect(rate).toBeGreaterThan(0);
        expect(rate).toBeLessThanOrEqual(2);
      }
    },
  );

  test('ends no lower than its minimum, also past the last step', () => {
    const schedule = { name, rate: 2, warmupSteps: 3, steps: 20, minRatio: 0.25 };
    for (let step = 3; step < 30; step++) expect(learningRateAt(schedule, step)).toBeGreaterThanOrEqual(0.5);
  });
});

test('warm-up, stable, decay falls in the last fifth unless told', () => {
  const all = rates({ name: 'warmup-stable-decay', rate: 1, warmupSteps: 2, steps: 30 });
  expect(all.findIndex((rate, step) => step > 2 && rate < 1)).toBe(30 - 6 + 1);
  const told = rates({ name: 'warmup-stable-decay', rate: 1, warmupSteps: 2, steps: 30, decaySteps: 10 });
  expect(told.findIndex((rate, step) => step > 2 && rate < 1)).toBe(30 - 10 + 1);
  const without = rates({ name: 'warmup-stable-decay', rate: 1, warmupSteps: 2, steps: 30, decaySteps: 0 });
  expect(without.slice(2).every(rate => rate === 1)).toBe(true);
});
