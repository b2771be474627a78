import { describe, expect, test } from 'vitest';
import { findMistakes, type MistakeRules } from './mistakes.ts';

const a1111: MistakeRules = { syntax: 'a1111', emphasis: 'a1111', steps: 20 };
const found = (prompt: string, rules = a1111, kind: 'prompt' | 'negative prompt' = 'prompt') =>
  findMistakes(prompt, rules, kind).map(({ position, text }) => `${position}: ${text}`);

test.each([
  'a (red:1.2) cat, ((big)) [small]',
  'a [cat:dog:0.5] and [a|b], [c::3] [d:.25]',
  'a cat AND a dog :1.5',
  'a \\(cat\\) BREAK (a dog:0.8)',
  '',
])('nothing is said of %j', prompt => {
  expect(found(prompt)).toEqual([]);
});

describe('what looks like a mistake is said with its place', () => {
  test.each([
    ['a (red cat', '2: "(" is not closed'],
    ['a red) cat', '5: ")" closes nothing'],
    ['a [cat:dog:', '2: "[" is not closed'],
    ['a (cat:abc) b', '2: "abc" in (cat:abc) is not a weight'],
    ['a (cat:0) b', '2: (cat:0) has the weight 0'],
    ['a [cat:dog:x] b', '2: "x" in [cat:dog:x] is not a step'],
    ['a [cat:dog:-3] b', '2: step -3 in [cat:dog:-3] is before the first step'],
    ['a cat AND a dog:abc', '9: "abc" at the end of this part of AND is not a weight'],
    ['a cat AND ', '9: this part of AND is empty'],
    ['at 12:30', '0: the prompt ends with ":30"'],
    ['a [b:c:3] | d', '10: "|" outside of [a|b]'],
    ['(a BREAK b)', '3: BREAK within brackets'],
  ])('%j', (prompt, text) => {
    const [first] = found(prompt);
    expect(first?.startsWith(text), first).toBe(true);
  });
});

test('what a syntax does not have is no mistake in it', () => {
  const comfy: MistakeRules = { ...a1111, syntax: 'comfy' };
  expect(found('a [cat at 12:30', comfy)).toEqual([]);
  expect(found('a (cat', comfy)).toHaveLength(1);
  expect(found('a (cat', { ...a1111, syntax: 'plain' })).toEqual([]);
  expect(found('a cat AND :abc', a1111, 'negative prompt')).toEqual([]);
});
