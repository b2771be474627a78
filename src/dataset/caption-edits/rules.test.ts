/** Rules for captions: each case is a line of docs/captions.md, or what would surprise. */
import { describe, expect, test } from 'vitest';
import { globPattern } from './patterns.ts';
import { type CaptionRules, captionEditor, parseCondition } from './rules.ts';
import { splitTags } from './tags.ts';

const names = { folder: 'red cat', name: 'in the snow' };
const edited = (rules: CaptionRules, caption: string): string => captionEditor(rules)(caption, names);

describe('rules', () => {
  test.each<[string, CaptionRules, string, string]>([
    [
      'template',
      { template: '{trigger}, {folder}, {name}, {caption}', trigger: 'zork' },
      'a hat',
      'zork, red cat, in the snow, a hat',
    ],
    ['empty fields leave no commas', { template: '{caption}, {folder} , {caption}' }, '', 'red cat'],
    ['wildcards in a template stay', { template: '{red|blue} {caption}' }, 'hat', '{red|blue} hat'],
    ['a template twice', { template: '{trigger}, {caption}', trigger: 'zork' }, 'Zork, a hat', 'Zork, a hat'],
    ['$ in a caption is text', { template: '{caption}!' }, 'cost $& $1', 'cost $& $1!'],
    ['add', { add: ['hat, scarf'] }, 'cat, Hat', 'cat, Hat, scarf'],
    ['add at the start', { add: ['hat', 'scarf'], addAt: 'start' }, 'cat', 'hat, scarf, cat'],
    ['add to nothing', { add: ['hat'] }, '', 'hat'],
    ['remove', { remove: ['red hat'] }, 'cat, Red_Hat, hat', 'cat, hat'],
    ['remove takes no parts of tags', { remove: ['hat'] }, 'red hat, that', 'red hat, that'],
    ['what no rule touches stays as typed', { remove: ['dog'] }, 'cat ,hat,,  scarf', 'cat ,hat,,  scarf'],
    ['replace words', { replace: ['cat => dog'] }, 'a cat, category, cat', 'a dog, category, dog'],
    ['replace minds case', { replace: ['cat=>dog'] }, 'Cat', 'Cat'],
    ['replace by nothing', { replace: ['red hat=>'] }, 'cat, red hat, sun', 'cat, sun'],
    ['replace by $', { replace: ['cat=>$&'] }, 'cat', '$&'],
    ['replace without spaces', { replace: ['帽子=>傘'] }, '赤い帽子', '赤い傘'],
    ['replace with accents', { replace: ['caf=>x'] }, 'café', 'café'],
    ['regex', { replace: ['/(red|blue) hats?/i=>$1 cap'] }, 'Red hats, blue hat', 'Red cap, blue cap'],
    ['trigger', { trigger: 'zork' }, 'cat', 'zork, cat'],
    ['trigger is there', { trigger: 'zork' }, 'a ZORK cat', 'a ZORK cat'],
    ['dedupe', { dedupe: true }, 'cat, red_hat, Cat, red hat', 'cat, red_hat'],
    ['dedupe knows composed accents', { dedupe: true }, 'café, cafe\u0301', 'café'],
    ['sort', { sort: true }, 'b, C, a', 'a, b, C'],
    ['sort behind the trigger', { sort: true, trigger: 'zork' }, 'zork, b, a', 'zork, a, b'],
    ['sort keeps the first', { sort: true, keepFirst: 2 }, 'z, y, b, a', 'z, y, a, b'],
    [
      'all in order',
      { replace: ['b=>a'], remove: ['x'], add: ['n'], trigger: 't', dedupe: true, sort: true },
      'x, b, a, m',
      't, a, m, n',
    ],
  ])('%s', (_, rules, before, after) => {
    expect(edited(rules, before)).toBe(after);
  });

  test.each<[CaptionRules, RegExp]>([
    [{}, /nothing is to be changed/],
    [{ template: '{capton}' }, /\{capton\} is no field/],
    [{ template: '{}' }, /\{\} is no field/],
    [{ template: '{trigger}' }, /which \{trigger\}/],
    [{ template: ' ' }, /empty/],
    [{ replace: ['cat'] }, /does not say/],
    [{ replace: ['=>cat'] }, /does not say/],
    [{ replace: ['/(/=>cat'] }, /Unterminated group/],
    [{ add: [' , '] }, /names no tag/],
  ])('%j is refused', (rules, message) => {
    expect(() => captionEditor(rules)).toThrow(message);
  });
});

test('tags', () => {
  expect(splitTags(' a, b ,, {c, d|e}, 1,000 cats,2,x')).toEqual([
    'a',
    'b',
    '{c, d|e}',
    '1,000 cats',
    '2',
    'x',
  ]);
  expect(splitTags('} a, {b, c')).toEqual(['} a', '{b, c']);
});

test.each([
  ['has red hat', ['a, Red_hat', 'red hat'], ['red hats', '']],
  ['lacks red hat', ['red hats', ''], ['a, red hat']],
  ['empty', ['', ' , '], ['a']],
  ['/^a\\b/', ['a b', 'a'], ['ab', 'b a']],
])('--where %s', (text, yes, no) => {
  const holds = parseCondition(text);
  for (const caption of [...yes, ...yes]) expect(holds(caption), caption).toBe(true);
  for (const caption of no) expect(holds(caption), caption).toBe(false);
});

test.each([
  ['*.png', ['a.png', 'x/y/a.png'], ['a.jpg', 'a.png.txt']],
  ['10_cat/*', ['10_cat/a.png'], ['10_cat/b/a.png', 'x/10_cat/a.png']],
  ['**/cat/**', ['cat/a.png', 'x/y/cat/z/a.png'], ['cats/a.png']],
  ['a?(1).png', ['ab(1).png', 'aé(1).png'], ['a/(1).png', 'ab1.png']],
])('--only %s', (glob, yes, no) => {
  for (const path of yes) expect(globPattern(glob).test(path), path).toBe(true);
  for (const path of no) expect(globPattern(glob).test(path), path).toBe(false);
});
