/** Depth is counted in brackets, not in what stands in texts. */
import { expect, test } from 'vitest';
import { isDeeperThan } from './nesting.ts';

test.each([
  ['[[1]]', 2, false],
  ['[[1]]', 1, true],
  ['{"a":{"b":[]}}', 3, false],
  ['{"a":{"b":[]}}', 2, true],
  ['[1,[2],[3],[4]]', 2, false],
  ['"[[[[["', 0, false],
  ['["[[[[", "\\"[[[[", "\\\\", [1]]', 2, false],
  ['["\\\\\\"[[[["]', 1, false],
  ['["[', 1, false],
  ['', 0, false],
])('%s deeper than %i: %s', (text, most, is) => {
  expect(isDeeperThan(text, most)).toBe(is);
});

test('a text of 20 MB takes no time', () => {
  const text = `{"image":"${'A'.repeat(20_000_000)}"}`;
  const start = performance.now();
  expect(isDeeperThan(text, 64)).toBe(false);
  expect(performance.now() - start).toBeLessThan(500);
});
