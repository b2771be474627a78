/** Against LyCORIS 4.1.3 (functional/general.py, factorization), run for these sizes. */
import { expect, test } from 'vitest';
import { factorize } from './factorization.ts';

test.each([
  [127, -1, 1, 127],
  [127, 8, 1, 127],
  [128, -1, 8, 16],
  [128, 2, 2, 64],
  [250, 4, 2, 125],
  [250, 8, 5, 50],
  [320, -1, 16, 20],
  [320, 12, 10, 32],
  [360, 16, 15, 24],
  [360, -1, 18, 20],
  [768, -1, 24, 32],
  [1024, 1000, 32, 32],
  [1280, 8, 8, 160],
  [2560, 3, 2, 1280],
  [10240, -1, 80, 128],
])('%d by factor %d is %d × %d', (size, factor, small, large) => {
  expect(factorize(size, factor)).toEqual([small, large]);
});
