/** Captions are counted as tags where they are lists, as words where they are sentences. */
import { expect, test } from 'vitest';
import { countTerms, styleOf, termsOf } from './terms.ts';

test('a set of lists is counted by tags, each once a caption', () => {
  const captions = ['1girl, red hair, smile', '1girl, red hair, Red Hair, night', '1girl, smile, hat', ''];
  expect(styleOf(captions)).toBe('tags');
  expect(countTerms(captions, 'tags')).toEqual([
    { term: '1girl', count: 3 },
    { term: 'red hair', count: 2 },
    { term: 'smile', count: 2 },
    { term: 'hat', count: 1 },
    { term: 'night', count: 1 },
  ]);
});

test('sentences are counted by words that say something', () => {
  const captions = ['a zorbi waving in a meadow', 'a zorbi on the beach, at night'];
  expect(styleOf(captions)).toBe('sentences');
  expect(termsOf(captions[1], 'sentences')).toEqual(['zorbi', 'beach', 'night']);
  expect(countTerms(captions, 'sentences')[0]).toEqual({ term: 'zorbi', count: 2 });
});

test('words of other scripts are words', () => {
  expect(termsOf('ein Fuß, 猫', 'sentences')).toEqual(['ein', 'fuß', '猫']);
});
