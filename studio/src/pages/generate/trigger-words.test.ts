/** @file Trigger words: inserted once, found, removed. */
import { expect, test } from 'vitest';
import { hasWords, insertWords, removeWords, termsOf } from './trigger-words.ts';

test('terms are what stands between commas outside brackets', () => {
  expect(termsOf('a, (b, c:1.2),\n <lora:x,y:1>, ')).toEqual(['a', '(b, c:1.2)', '<lora:x,y:1>']);
});

test('inserts what is missing, whatever its case, and nothing twice', () => {
  expect(insertWords('', 'zorbi')).toBe('zorbi');
  expect(insertWords('a cat, ', 'zorbi, blue fur')).toBe('a cat, zorbi, blue fur');
  expect(insertWords('a Zorbi in a park', 'zorbi, blue fur')).toBe('a Zorbi in a park, blue fur');
  expect(insertWords('a (zorbi:1.2)', 'zorbi')).toBe('a (zorbi:1.2)');
  expect(insertWords('<lora:zorbi:1>', 'zorbi')).toBe('<lora:zorbi:1>, zorbi');
  expect(insertWords('zorbian', 'zorbi')).toBe('zorbian, zorbi');
});

test('finds all of a set', () => {
  expect(hasWords('a zorbi, blue fur', 'zorbi, blue fur')).toBe(true);
  expect(hasWords('a zorbi', 'zorbi, blue fur')).toBe(false);
  expect(hasWords('C++ code', 'c++')).toBe(true);
});

test('removes terms of their own and leaves sentences alone', () => {
  expect(removeWords('a cat, zorbi, red', 'Zorbi')).toBe('a cat, red');
  expect(removeWords('a zorbi in a park', 'zorbi')).toBe('a zorbi in a park');
  expect(removeWords('one, two\nzorbi, three', 'zorbi')).toBe('one, two\nthree');
});
