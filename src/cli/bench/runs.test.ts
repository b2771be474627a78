/** Best, median and peak of several processes. */
import { expect, test } from 'vitest';
import { figuresOf } from './runs.ts';

test('the first repetition of each process is left out, the peak is the highest', () => {
  const runs = [
    { seconds: [9, 3, 5], peakBytes: 100, gflop: 6, setupSeconds: 1, how: 'kept', others: 0.1 },
    { seconds: [1, 2, 4], peakBytes: 300, gflop: 6, setupSeconds: 2, how: 'kept', others: 0.2 },
  ];
  expect(figuresOf(runs)).toEqual({
    ...{ best: 2, median: 4, peakBytes: 300, setupSeconds: 1, gflops: 3, how: 'kept', count: 4, others: 0.2 },
  });
});

test('the only repetition of a process counts; a peer has no graph to count', () => {
  const figures = figuresOf([{ seconds: [7], peakBytes: 1 }]);
  expect(figures).toMatchObject({ best: 7, median: 7, count: 1, gflops: undefined, setupSeconds: undefined });
});

test('time over that without LoRA: each repetition over its neighbour, the first left out, the median of all processes', () => {
  const runs = [
    { seconds: [9, 11, 42], without: [1, 10, 40], peakBytes: 1 },
    { seconds: [9, 60], without: [3, 20], peakBytes: 1 },
  ];
  expect(figuresOf(runs).overWithout).toBe(1.1);
  expect(figuresOf([{ seconds: [7], without: [5], peakBytes: 1 }]).overWithout).toBe(1.4);
  expect(figuresOf([{ seconds: [7], peakBytes: 1 }]).overWithout).toBeUndefined();
});
