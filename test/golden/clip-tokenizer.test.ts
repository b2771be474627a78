/** CLIP's own tokenizer on 5,000 strings, against transformers' CLIPTokenizer (tools/goldens/clip_tokenizer.py). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { clipTables } from '../../src/models/tokenizer/clip-vocabulary.ts';
import { openClipTokenizer } from '../../src/models/tokenizer/index.ts';
import { jsonDigest as digest, hostileStrings, promptStrings } from '../support/prompt-strings.ts';

interface Golden {
  readonly vocabulary: string;
  readonly texts: string;
  /** A hash for each 50 strings. */
  readonly blocks: string[];
  readonly examples: [text: string, ids: number[]][];
  /** Of all ids, not cut. */
  readonly hostile: Readonly<Record<string, string>>;
}
const golden: Golden = JSON.parse(
  readFileSync(new URL('./data/clip-tokenizer.json', import.meta.url), 'utf8'),
);

const count = 50 * golden.blocks.length;
const texts = promptStrings(count);
const hostile = hostileStrings();

test('the vocabulary is OpenAI’s', () => {
  const { vocabulary, ranks } = clipTables();
  const byId = [...vocabulary].sort(([, a], [, b]) => a - b).map(([token]) => token);
  expect([byId.length, vocabulary.get('!'), vocabulary.get('<|endoftext|>')]).toEqual([49408, 0, 49407]);
  expect(ranks.size).toBe(48894);
  expect(digest(byId)).toBe(golden.vocabulary);
});

test('the strings are those that transformers was given', () => {
  expect(count).toBe(5000);
  expect(digest(texts.map(text => Array.from(text, c => c.codePointAt(0))))).toBe(golden.texts);
});

test('ids are those of transformers', () => {
  const tokenizer = openClipTokenizer('<|endoftext|>');
  for (const [text, ids] of golden.examples)
    expect(
      tokenizer.encode(text).ids.filter(id => id !== 49407),
      JSON.stringify(text),
    ).toEqual(ids);
  const rows = texts.map(text => tokenizer.encode(text).ids);
  const wrong = golden.blocks.flatMap((hash, i) =>
    digest(rows.slice(50 * i, 50 * (i + 1))) === hash ? [] : [i],
  );
  expect(wrong).toEqual([]);
});

test('OpenCLIP’s texts are padded with !, which has id 0', () => {
  const [clip, open] = (['<|endoftext|>', '!'] as const).map(pad => openClipTokenizer(pad).encode('a cat! '));
  expect(open.ids.slice(0, 5)).toEqual(clip.ids.slice(0, 5));
  expect(open.ids.slice(5)).toEqual(Array(72).fill(0));
  expect(clip.ids.slice(5)).toEqual(Array(72).fill(49407));
});

test('hostile strings, whole: ids are those of transformers', () => {
  const tokenizer = openClipTokenizer('<|endoftext|>');
  expect([...hostile.keys()]).toEqual(Object.keys(golden.hostile));
  const wrong = [...hostile].filter(
    ([name, text]) => digest(tokenizer.readWords(text).flatMap(({ ids }) => ids)) !== golden.hostile[name],
  );
  expect(wrong.map(([name]) => name)).toEqual([]);
});

test.each(['one word', 'marks'])('time grows with the length: %s', name => {
  const text = hostile.get(name) ?? '';
  const time = (share: number): number => {
    const times = Array.from({ length: 2 }, () => {
      const tokenizer = openClipTokenizer('<|endoftext|>');
      const start = performance.now();
      tokenizer.encode(text.slice(0, text.length * share));
      return performance.now() - start;
    });
    return Math.min(...times);
  };
  time(0.02); // compiles
  // Ten times the text; twelve leaves room for n·log n, the milliseconds for a loaded machine.
  expect(time(1)).toBeLessThan(12 * time(0.1) + 300);
});
