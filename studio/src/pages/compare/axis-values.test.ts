/** @file Values of axes as they are typed. */
import { expect, test } from 'vitest';
import { countValues, quoted, splitValues } from './axis-values.ts';

test.each([
  ['0.4-1 [4]', 'numbers', 4],
  ['1-5', 'whole', 5],
  ['1-5 (+2)', 'whole', 3],
  ['0, 1, 2-4', 'whole', 5],
  ['-1-1 [3]', 'numbers', 3],
  ['Euler a, DPM++ 2M', 'words', 2],
  ['"a cat, sleeping", a dog', 'words', 2],
  ['"", blurry', 'words', 2],
] as const)('%s', (text, kind, count) => {
  expect(countValues(text, kind)).toEqual({ count });
});

test.each([
  ['', 'words', /missing/],
  ['"a cat', 'words', /quote/],
  ['a,,b', 'words', /empty/],
  ['a', 'numbers', /not a number/],
  ['1.5', 'whole', /whole/],
  ['1-5 [0]', 'whole', /no values/],
  ['1-5 (-1)', 'whole', /arrive/],
] as const)('%s is refused', (text, kind, message) => {
  expect(countValues(text, kind)).toEqual({ error: expect.stringMatching(message) });
});

test('what is quoted is read back', () => {
  for (const value of ['plain', 'with, comma', 'say "hi", she said'])
    expect(splitValues(quoted(value))).toEqual([value]);
});
