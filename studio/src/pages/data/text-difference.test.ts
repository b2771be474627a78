/** Differences are whole words. */
import { expect, test } from 'vitest';
import { textDifference } from './text-difference.ts';

const shown = (before: string, after: string): string => {
  const { start, gone, come, end } = textDifference(before, after);
  expect(start + gone + end).toBe(before);
  expect(start + come + end).toBe(after);
  return `${start}[${gone}→${come}]${end}`;
};

test('what came, went and changed', () => {
  expect(shown('a cat', 'zorbi, a cat')).toBe('[→zorbi, ]a cat');
  expect(shown('a red cat', 'a blue cat')).toBe('a [red→blue] cat');
  expect(shown('a cat', 'a cat, night')).toBe('a cat[→, night]');
  expect(shown('cats', 'cat')).toBe('[cats→cat]');
  expect(shown('', 'a')).toBe('[→a]');
  expect(shown('same', 'same')).toBe('same[→]');
});
