/** Prompts are proposed from captions, one of them without the trigger word. */
import { expect, test } from 'vitest';
import { hasTrigger, promptText, proposePrompts, withoutTrigger } from './preview-prompts.ts';

test('the trigger word is a word of its own', () => {
  expect(hasTrigger('a Zorbi waving', 'zorbi')).toBe(true);
  expect(hasTrigger('zorbis', 'zorbi')).toBe(false);
  expect(hasTrigger('a c++ logo', 'c++')).toBe(true);
  expect(hasTrigger('anything', '')).toBe(false);
});

test('a caption without its trigger word still reads', () => {
  expect(withoutTrigger('a blueprint of a cat', 'blueprint')).toBe('a cat');
  expect(withoutTrigger('zorbi, smile, night', 'zorbi')).toBe('smile, night');
  expect(withoutTrigger('smile, zorbi, night', 'zorbi')).toBe('smile, night');
  expect(withoutTrigger('a house in the style of zrb', 'zrb')).toBe('a house');
  expect(withoutTrigger('a cat', '')).toBe('a cat');
});

test('two as trained and different from each other, one without the word', () => {
  const captions = ['a zorbi on the beach', 'a zorbi on the beach at noon', 'a zorbi waving at night', ''];
  const lines = proposePrompts({ captions, trigger: 'zorbi', isSmallBase: true });
  expect(lines.map(promptText)).toEqual([
    'a zorbi waving at night',
    'a zorbi on the beach',
    'waving at night',
  ]);
  expect(lines[0]).toBe('a zorbi waving at night --d 21 --l 4.5 --s 20');
});

test('captions that lack the word get it, as training adds it; no captions leave the word', () => {
  expect(proposePrompts({ captions: ['a house'], trigger: 'zrb', isSmallBase: false })).toEqual([
    'zrb, a house --d 21',
    'a house --d 22',
  ]);
  expect(proposePrompts({ captions: [''], trigger: 'zrb', isSmallBase: false })).toEqual(['zrb --d 21']);
  expect(proposePrompts({ captions: [], trigger: '', isSmallBase: false })).toEqual([]);
});

test('what looks like a setting stays part of the prompt', () => {
  const [line] = proposePrompts({ captions: ['a --w 9999 cat'], trigger: '', isSmallBase: false });
  expect(line).toBe('a – w 9999 cat --d 21');
  expect(promptText(line)).not.toContain('--');
});
