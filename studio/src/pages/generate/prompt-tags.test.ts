/** @file Tags in prompts, as the page finds and changes them. */
import { expect, test } from 'vitest';
import { tagsIn, withoutTag, withoutTags, withStrength } from './prompt-tags.ts';

test('finds tags with their strengths', () => {
  const found = tagsIn('a <lora:alice> b <lora:bob:0.5>, <lora:"c:d":0.2:0.9><lora:e:unet=0.3:te=1>');
  expect(found.map(({ name, strength, isPlain }) => [name, strength, isPlain])).toEqual([
    ['alice', 1, true],
    ['bob', 0.5, true],
    ['c:d', 0.9, false],
    ['e', 0.3, false],
  ]);
  expect(tagsIn('<lora:> <lora:a <b>')).toEqual([]);
});

test('changes one strength and nothing else', () => {
  const prompt = 'x <lora:a:1> y <lora:a:1> z';
  expect(withStrength(prompt, tagsIn(prompt)[1]!, 0.4)).toBe('x <lora:a:1> y <lora:a:0.4> z');
  const quoted = '<lora:"a:b":1>';
  expect(withStrength(quoted, tagsIn(quoted)[0]!, 2)).toBe('<lora:"a:b":2>');
});

test.each([
  ['a cat, <lora:x:1>', 'a cat'],
  ['a cat, <lora:x:1>, red', 'a cat, red'],
  ['<lora:x:1>, red', 'red'],
  ['a <lora:x:1> cat', 'a cat'],
  ['<lora:x>', ''],
])('%s without its tag is %s', (prompt, rest) => {
  expect(withoutTag(prompt, tagsIn(prompt)[0]!)).toBe(rest);
});

test('takes all tags out', () => {
  expect(withoutTags('<lora:a:1> a, <lora:b>, c <lora:d:0.1:0.2>')).toBe('a, c');
});
