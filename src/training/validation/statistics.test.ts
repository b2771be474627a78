/** Student's points against SciPy 1.16 (scipy.stats.t.ppf(0.975, n)), and how often the intervals hold the truth. */
import { expect, test } from 'vitest';
import { randomStream } from '../../engine/index.ts';
import { meanInterval, pairedInterval, studentPoint } from './statistics.ts';

test.each([
  ...([
    [1, 12.7062],
    [2, 4.3027],
    [3, 3.1824],
    [9, 2.2622],
    [10, 2.2281],
  ] as const),
  ...([
    [11, 2.201],
    [12, 2.1788],
    [15, 2.1314],
    [20, 2.086],
    [30, 2.0423],
    [120, 1.9799],
    [1000, 1.9623],
  ] as const),
])('Student with %i degrees of freedom', (degrees, point) => {
  // The series leaves out what falls with the fourth power of the degrees: 4e-4 at 11.
  expect(Math.abs(studentPoint(degrees) - point)).toBeLessThan(5e-4);
});

test.each([2, 3, 8])('of 4000 intervals over %i values, 95 in 100 hold the true mean', n => {
  let held = 0;
  for (let trial = 0; trial < 4000; trial++) {
    const random = randomStream(1, 'interval test', trial, n);
    const { low, high } = meanInterval(Array.from({ length: n }, () => 3 + 2 * random.normal()));
    if (low <= 3 && 3 <= high) held++;
  }
  // 3800 expected; the standard deviation of the count is 14.
  expect(Math.abs(held - 3800)).toBeLessThan(5 * 14);
});

test('one value says nothing of how far it may be off', () => {
  expect(meanInterval([2])).toMatchObject({ mean: 2, low: -Infinity, high: Infinity, n: 1 });
});

test('pairs take out what the pictures differ by', () => {
  const random = randomStream(2, 'pairs');
  const earlier = Array.from({ length: 6 }, () => 1 + random.normal());
  const later = earlier.map(loss => loss + 0.1 + 0.01 * random.normal());
  const { low, high } = pairedInterval(later, earlier);
  expect(low).toBeGreaterThan(0.08);
  expect(high).toBeLessThan(0.12);
  // Unpaired, a difference of a tenth drowns in a spread of one.
  expect(meanInterval(later).low).toBeLessThan(meanInterval(earlier).mean);
  expect(() => pairedInterval([1, 2], [1])).toThrow(RangeError);
});
