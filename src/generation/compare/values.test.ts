/**
 * Values of axes by the rules of A1111's `scripts/xyz_grid.py`. Two of its results are errors of its own and not wanted:
 * 10-0 (-5) stops short of 0, and 0-1 (+0.3) goes on to 1.2.
 */
import { describe, expect, test } from 'vitest';
import { usageError } from '../../errors.ts';
import { type Failures, readNumbers, readSeeds, splitValues } from './values.ts';

const failures: Failures = {
  fail: why => usageError('AXIS', why),
  failAt: (item, why) => usageError('AXIS', `value ${item.number} ${why}`),
};
const texts = (text: string): string[] => splitValues(text, failures).map(item => item.text);
const numbers = (text: string, isWhole = false): number[] =>
  readNumbers(splitValues(text, failures), { isWhole }, failures);

test.each([
  ['a, b,c', ['a', 'b', 'c']],
  ['"a, b",c', ['a, b', 'c']],
  ['"say ""hi""", x', ['say "hi"', 'x']],
  ['red "big" car, x', ['red "big" car', 'x']],
  ['"", x', ['', 'x']],
  ['a\nb', ['a', 'b']],
])('%j is split as csv does', (text, expected) => expect(texts(text)).toEqual(expected));

test.each([
  ['', /no values/],
  ['  ', /no values/],
  ['a,,b', /value 2 is empty/],
  ['a,', /value 2 is empty/],
  ['"a, b', /value 1 begins with a quote/],
])('%j is refused', (text, why) => expect(() => texts(text)).toThrow(why));

describe('numbers', () => {
  test.each<[string, boolean, number[]]>([
    ['1,2.5,-3', false, [1, 2.5, -3]],
    ['1-5', true, [1, 2, 3, 4, 5]],
    ['1-5 (+2)', true, [1, 3, 5]],
    ['10-0 (-5)', true, [10, 5, 0]],
    ['3-1', true, [3, 2, 1]],
    ['1-10 [5]', true, [1, 3, 5, 7, 10]],
    ['0-1 [5]', false, [0, 0.25, 0.5, 0.75, 1]],
    ['0.4-1 [4]', false, [0.4, 0.6, 0.8, 1]],
    ['0-1 (+0.3)', false, [0, 0.3, 0.6, 0.9]],
    ['-1-1 [3]', false, [-1, 0, 1]],
    ['0.5', false, [0.5]],
    ['5, 7-8', true, [5, 7, 8]],
    ['1e-1', false, [0.1]],
  ])('%s', (text, isWhole, expected) => expect(numbers(text, isWhole)).toEqual(expected));

  test.each([
    ['1, x', /value 2 is not a number/],
    ['1.5', /value 1 is not a whole number/],
    ['1-5 (-1)', /value 1 does not come from 1 to 5/],
    ['1-5 (0)', /value 1 does not come/],
    ['1-5 [0]', /asks for no values/],
    ['Infinity', /not a number/],
  ])('%s is refused', (text, why) => expect(() => numbers(text, true)).toThrow(why));

  test('a range of a million values is cut where it is too long already', () =>
    expect(numbers('1-1000000', true).length).toBe(1001));
});

test('seeds have 64 bits', () => {
  const seeds = (text: string): bigint[] => readSeeds(splitValues(text, failures), failures);
  expect(seeds('18446744073709551615, 3-5')).toEqual([18446744073709551615n, 3n, 4n, 5n]);
  expect(() => seeds('18446744073709551616')).toThrow(/2⁶⁴/);
  expect(() => seeds('1,-1')).toThrow(/value 2 asks for a random seed/);
});
