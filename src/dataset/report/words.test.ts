import { describe, expect, test } from 'vitest';
import { openClipTokenizer } from '../../models/index.ts';
import { lookUpWord, readCaption } from './captions.ts';
import { areTags, sharedWords } from './words.ts';

const shared = (captions: string[], trigger = ''): [string, number][] =>
  sharedWords(captions, 0.75, trigger).map(({ text, members }) => [text, members.length]);

describe('words that most captions have', () => {
  const places = [
    'on a table',
    'in a garden',
    'at night',
    'by the sea',
    'in a room',
    'on a road',
    'in snow',
    'at work',
  ];

  test('11 of 12 red backgrounds are one phrase', () => {
    const captions = Array.from(
      { length: 12 },
      (_, i) => `a plirb ${places[i % 8]}${i === 3 ? '' : ', red background'}`,
    );
    expect(shared(captions, 'plirb')).toEqual([['red background', 11]]);
    const sentences = captions.map(caption => caption.replace(', red background', ' on a red background'));
    expect(shared(sentences, 'plirb')).toEqual([['red background', 11]]);
  });

  test('kinds of picture and of subject, small words and the trigger word do not count', () => {
    const captions = places.map(place => `a photo of a plirb dog ${place}`);
    expect(shared(captions, 'plirb')).toEqual([]);
    expect(shared(captions)).toEqual([['plirb dog', 8]]);
  });

  test('tags are whole', () => {
    const captions = places.map(place => `plirb, long green hair, ${place}, solo`);
    expect(areTags(captions)).toBe(true);
    expect(areTags(['A sentence, with a comma in the middle of many words.'])).toBe(false);
    expect(shared(captions, 'plirb')).toEqual([['long green hair', 8]]);
  });
});

describe('captions as CLIP reads them', () => {
  const clip = openClipTokenizer('<|endoftext|>');
  const asIs = (symbols: readonly string[]): string[] => symbols.map(symbol => symbol.replace('</w>', ' '));

  test('what is cut off is what the tokenizer leaves out', () => {
    const caption = Array.from({ length: 300 }, (_, i) => (i % 2 ? 'cat' : 'dog')).join(' ');
    const read = readCaption(clip, caption, 3, asIs);
    expect(read).toMatchObject({ perChunk: 75, chunks: 3, limit: 225 });
    expect(read.tokens).toHaveLength(225);
    expect(`${read.tokens.join('')}${read.cut}`).toBe(caption);
    expect(readCaption(clip, 'a cat', 3, asIs)).toMatchObject({ tokens: ['a ', 'cat '], chunks: 1, cut: '' });
  });

  test('common words are known, made-up ones and rare tokens are not', () => {
    for (const word of ['dog', 'wizard', 'castle', 'blueprint']) {
      const { tokens, rank } = lookUpWord(clip, word);
      expect(tokens).toBe(1);
      expect(rank).toBeLessThan(0.8);
    }
    expect(lookUpWord(clip, 'zorbi').tokens).toBeGreaterThan(1);
    expect(lookUpWord(clip, 'sks').rank).toBeGreaterThan(0.8);
  });
});
