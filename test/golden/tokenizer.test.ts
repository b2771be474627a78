/** Our CLIP tokenizer against transformers' CLIPTokenizer on the embedded model's folder (tools/goldens/tokenizer.py). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openTokenizer } from '../../src/models/index.ts';

const golden: [text: string, ids: number[]][] = JSON.parse(
  readFileSync(new URL('./data/tokenizer.json', import.meta.url), 'utf8'),
);
const tokenizer = openTokenizer('pretrained/pocket/tokenizer');
const vocabulary: Record<string, number> = JSON.parse(
  readFileSync('pretrained/pocket/tokenizer/vocab.json', 'utf8'),
);
const [start, end] = [vocabulary['<|startoftext|>'], vocabulary['<|endoftext|>']];

test(`${golden.length} strings have the same ids as in transformers`, () => {
  expect(golden.length).toBeGreaterThan(450);
  const wrong = golden.flatMap(([text, ids]) => {
    const expected = [start, ...ids];
    while (expected.length < tokenizer.maxTokens) expected.push(end);
    const actual = tokenizer.encode(text).ids;
    return actual.join() === expected.join()
      ? []
      : [{ text, actual: actual.join(), expected: expected.join() }];
  });
  expect(wrong).toEqual([]);
});

test('what does not fit is said, and is the end of the text', () => {
  const words = Array.from({ length: 40 }, (_, i) => (i % 2 ? 'cat' : 'red'));
  const { ids, tokens, truncated } = tokenizer.encode(words.join(' '));
  expect(ids).toHaveLength(tokenizer.maxTokens);
  expect(ids.at(-1)).toBe(end);
  const kept = tokens.join('').replaceAll('</w>', ' ').trim().split(' ').length;
  expect(truncated).toBe(words.slice(kept).join(' '));
  expect(tokenizer.encode('a cat').truncated).toBe('');
});
