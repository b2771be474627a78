import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { triggersOf } from './triggers-of.ts';

type Captions = Readonly<Record<string, readonly string[]>>;

/** Metadata as sd-scripts counts captions: parts between commas, in small letters, in the order in which they come. */
function kohya(folders: Captions, more: Record<string, string> = {}): Record<string, string> {
  const dirs = Object.fromEntries(
    Object.entries(folders).map(([name, captions]) => [name, { n_repeats: 10, img_count: captions.length }]),
  );
  const tags = Object.fromEntries(
    Object.entries(folders).map(([name, captions]) => {
      const counts: Record<string, number> = {};
      for (const caption of captions)
        for (const tag of caption
          .toLowerCase()
          .split(',')
          .map(part => part.trim())
          .filter(Boolean))
          counts[tag] = (counts[tag] ?? 0) + 1;
      return [name, counts];
    }),
  );
  return { ss_dataset_dirs: JSON.stringify(dirs), ss_tag_frequency: JSON.stringify(tags), ...more };
}

/** `count` captions; parts in braces come in the share of them that is told: `{smile 0.3}`. */
function set(count: number, pattern: string): string[] {
  const parts = pattern.split(',').map(part => part.trim());
  return Array.from({ length: count }, (_, i) =>
    parts
      .flatMap((part, p) => {
        const some = /^\{(.+) ([\d.]+)\}$/.exec(part);
        if (!some) return [part];
        return (i * 7 + p * 3) % count < Number(some[2]) * count ? [some[1]] : [];
      })
      .join(', '),
  );
}

const scenes = [
  'standing in a park',
  'sitting at a desk',
  'on a beach at sunset',
  'in front of a brick wall',
];
const say = (count: number, sentence: string): string[] =>
  Array.from({ length: count }, (_, i) => sentence.replace('…', `${scenes[i % 4]} number ${i}`));

const example = (name: string): string[] =>
  Array.from({ length: 20 }, (_, i) =>
    readFileSync(`examples/${name}/${String(i + 1).padStart(2, '0')}.txt`, 'utf8').trim(),
  );

const booru = '{smile 0.4}, {looking at viewer 0.7}, {blush 0.3}, {outdoors 0.2}, {simple background 0.4}';

/** What the captions are, and the words of the sets that are right. */
const cases: readonly (readonly [what: string, metadata: Record<string, string>, words: string[]])[] = [
  [
    'a character whose folder is called like it',
    kohya({ '10_zorbi': set(30, `zorbi, 1girl, solo, long hair, blue eyes, ${booru}`) }),
    ['zorbi'],
  ],
  [
    'a character with a class behind it in the folder',
    kohya({ '5_sks dog': set(12, 'sks dog, {outdoors 0.5}, {grass 0.4}') }),
    ['sks dog'],
  ],
  [
    'tags with underscores, the trigger in four of five, as in a real file',
    kohya(
      {
        Soraka_Classic: set(
          46,
          `{soraka_classic 0.83}, 1girl, {breasts 0.92}, {solo 0.93}, {horn 0.5}, ${booru}`,
        ),
      },
      { ss_output_name: 'Soraka_Classic' },
    ),
    ['soraka_classic'],
  ],
  [
    'only the output has the name',
    kohya(
      { '10_img': set(20, `1girl, solo, mirael, {white hair 0.95}, ${booru}`) },
      { ss_output_name: 'mirael-v2' },
    ),
    ['mirael'],
  ],
  [
    'a made-up word in front, in a folder without a name',
    kohya({ '8_img': set(25, `xqz9, 1girl, solo, red hair, ${booru}`) }),
    ['xqz9'],
  ],
  [
    'a token that trainers picked because it is rare',
    kohya({ '20_img': set(15, `ohwx, 1man, beard, ${booru}`) }),
    ['ohwx'],
  ],
  [
    'name and series, both by the tagger',
    kohya({ '3_hoshimi kana': set(40, `hoshimi kana, 1girl, solo, purple eyes, {ponytail 0.95}, ${booru}`) }),
    ['hoshimi kana'],
  ],
  [
    'features that are always there are no triggers',
    kohya({ '10_image': set(30, `1girl, solo, twintails, thighhighs, blonde hair, red ribbon, ${booru}`) }),
    [],
  ],
  [
    'quality tags are none',
    kohya({ '10_img': set(20, `masterpiece, best quality, score_9, {1girl 0.6}, ${booru}`) }),
    [],
  ],
  [
    'a style whose trigger is kept in front',
    kohya(
      { '4_style': set(50, `inkwash style, {1girl 0.5}, {scenery 0.3}, {animal focus 0.2}, ${booru}`) },
      { ss_keep_tokens: '1' },
    ),
    ['inkwash style'],
  ],
  [
    'a style of known words in front of tags that vary',
    kohya({ '2_images': set(40, `watercolor wash, {1girl 0.5}, {city 0.3}, {cat 0.2}, ${booru}`) }),
    ['watercolor wash'],
  ],
  [
    'a style without a trigger',
    kohya({ '6_paintings': set(40, `{1girl 0.5}, {scenery 0.3}, {boat 0.2}, {tree 0.4}, ${booru}`) }),
    [],
  ],
  [
    'several characters, a folder each',
    kohya({
      '10_alira': set(20, `alira, 1girl, solo, ${booru}`),
      '10_bruvo': set(20, `bruvo, 1boy, solo, ${booru}`),
    }),
    ['alira', 'bruvo'],
  ],
  [
    'outfits of one character',
    kohya({
      '5_mirael casual': set(20, `mirael, mirael casual, 1girl, ${booru}`),
      '5_mirael armor': set(20, `mirael, mirael armor, 1girl, ${booru}`),
    }),
    ['mirael, mirael casual', 'mirael, mirael armor'],
  ],
  [
    'the same trigger in two folders, close-up and whole',
    kohya({
      '10_zorbi close': set(10, `zorbi, 1girl, portrait, ${booru}`),
      '4_zorbi full': set(20, `zorbi, 1girl, full body, ${booru}`),
    }),
    ['zorbi'],
  ],
  [
    'regularisation pictures say nothing',
    kohya(
      {
        '10_sks person': set(15, 'sks person, {smile 0.4}'),
        '1_person': set(100, 'person, {smile 0.4}'),
      },
      {
        ss_dataset_dirs: '{"10_sks person":{"n_repeats":10,"img_count":15}}',
        ss_reg_dataset_dirs: '{"1_person":{"n_repeats":1,"img_count":100}}',
      },
    ),
    ['sks person'],
  ],
  ['sentences with a made-up word', kohya({ '10_img': say(20, 'a photo of ohwx man …') }), ['ohwx man']],
  ['sentences that begin with it', kohya({ '1_data': say(12, 'zorbi waving …') }), ['zorbi waving']],
  [
    'sentences of a person with two known names',
    kohya({ '10_emma watkins': say(24, 'Emma Watkins …') }),
    ['emma watkins'],
  ],
  [
    'sentences of a captioner, without a trigger',
    kohya({ '100_GiniS2': say(40, 'a woman with long blonde hair …') }),
    [],
  ],
  [
    'sentences of a cat, without a trigger',
    kohya({ '10_img': say(20, 'a black cat with green eyes …') }),
    [],
  ],
  [
    'a trigger in front of sentences',
    kohya({ '10_img': say(20, 'ohwx woman, a woman …, she looks at the camera') }),
    ['ohwx woman'],
  ],
  [
    'a style in sentences',
    kohya({ '5_data': say(30, 'blueprint drawing of a machine …') }),
    ['blueprint drawing'],
  ],
  ...[
    'The image depicts a woman …',
    'A photograph captures a man …',
    'There is a dog … here',
    'We see a street …',
    'The image shows a car …, photographed from a distance',
    'An anime-style drawing of a girl …',
    'Anime-style drawing of a girl …',
    'arafed image of a man …',
    'A pencil sketch featuring an old tree …',
  ].map(
    sentence =>
      [`a captioner's sentences: ${sentence}`, kohya({ '10_img': say(12, sentence) }), []] as [
        string,
        Record<string, string>,
        string[],
      ],
  ),
  [
    'a kept tag in front of sentences',
    kohya({ '10_img': say(12, 'winter mood, a street …, seen from far away') }, { ss_keep_tokens: '1' }),
    ['winter mood'],
  ],
  ['the end of sentences', kohya({ '5_img': say(30, 'a castle … in the style of velmora') }), ['velmora']],
  ['the example of a character', kohya({ 'zorbi-character': example('zorbi-character') }), ['zorbi']],
  ['the example of a style', kohya({ 'blueprint-style': example('blueprint-style') }), ['blueprint']],
  [
    'a folder without captions',
    { ss_dataset_dirs: '{"20_sks dog":{"n_repeats":20,"img_count":5}}', ss_tag_frequency: '{}' },
    ['sks dog'],
  ],
  ['one picture has all of its tags in common', kohya({ '1_img': ['quartz bridge, harbour, gulls'] }), []],
  ['one picture, but its folder says it', kohya({ '1_vexil': ['vexil, harbour, gulls'] }), ['vexil']],
  [
    'newer files have it all in ss_datasets',
    {
      ss_datasets: JSON.stringify([
        {
          tag_frequency: { images: { 'vexil knight': 20, '1boy': 20, armor: 18 } },
          subsets: [{ image_dir: 'images', img_count: 20, num_repeats: 4, keep_tokens: 1, is_reg: false }],
        },
      ]),
    },
    ['vexil knight'],
  ],
  [
    'a prefix that is put in front of captions',
    {
      ss_datasets: JSON.stringify([
        {
          tag_frequency: { images: { '1boy': 20, armor: 18 } },
          subsets: [{ image_dir: 'images', img_count: 20, caption_prefix: 'masterpiece, vxk, ' }],
        },
      ]),
    },
    ['vxk'],
  ],
  [
    'no dataset_dirs: the commonest tag tells how many pictures there are',
    { ss_tag_frequency: '{"10_kettu": {"kettu": 19, "1girl": 20, "smile": 5}}' },
    ['kettu'],
  ],
  [
    'sorted by the alphabet, by a tool that rewrote it',
    { ss_tag_frequency: '{"img": {"apron": 20, "basket": 20, "cafe": 20, "waitress": 20}}' },
    [],
  ],
  ['a photograph set of a real place', kohya({ '10_images': say(20, 'a street … in winter') }), []],
];

describe('trigger words from captions', () => {
  test.each(cases)('%s', (_, metadata, words) => {
    const { triggers, origin } = triggersOf({ metadata });
    expect(triggers.map(set => set.words)).toEqual(words);
    expect(origin).toBe(words.length > 0 ? 'captions' : undefined);
  });

  test('sets of several folders have names of their own', () => {
    const metadata = kohya({
      '5_mirael casual': set(20, `mirael, mirael casual, 1girl, ${booru}`),
      '5_mirael armor': set(20, `mirael, mirael armor, 1girl, ${booru}`),
    });
    expect(triggersOf({ metadata }).triggers.map(({ name }) => name)).toEqual([
      'mirael casual',
      'mirael armor',
    ]);
  });
});

describe('who is believed', () => {
  const captions = kohya({ '10_zorbi': set(30, `zorbi, 1girl, ${booru}`) });
  const side = [{ name: 'default', words: 'from a side file' }];
  const phrase = { 'modelspec.trigger_phrase': 'from the file' };

  test.each([
    [
      { user: [{ name: 'mine', words: 'my words' }], side, metadata: { ...captions, ...phrase } },
      'user',
      ['my words'],
    ],
    [{ user: [], side, metadata: captions }, 'user', []],
    [{ user: null, side, metadata: { ...captions, ...phrase } }, 'side-file', ['from a side file']],
    [{ side: [], metadata: { ...captions, ...phrase } }, 'metadata', ['from the file']],
    [{ metadata: { ...captions, 'modelspec.trigger_phrase': 'None' } }, 'captions', ['zorbi']],
    [{ metadata: {} }, undefined, []],
  ] as const)('%o', (sources, origin, words) => {
    const found = triggersOf(sources);
    expect([found.origin, found.triggers.map(set => set.words)]).toEqual([origin, words]);
  });

  test.each([
    [{ ss_training_comment: 'lora-studio; trigger: zork hat; 24 layers' }, ['zork hat']],
    [{ ss_training_comment: 'trigger words = zork, hat' }, ['zork, hat']],
    [{ ss_training_comment: 'retriggered twice: no' }, []],
    [{ trained_words: '["zork", "zork hat"]' }, ['zork', 'zork hat']],
    [{ trigger_word: '  zork ' }, ['zork']],
  ])('what a file says: %o', (metadata, words) => {
    expect(triggersOf({ metadata }).triggers.map(set => set.words)).toEqual(words);
  });

  test('sets of the user stay as they were written, but for one that says nothing', () => {
    const user = [
      { name: 'soft', words: 'zork', strength: 0.5 },
      { name: 'hard', words: 'zork', strength: 1.2, negative: 'blurry' },
      { name: 'against', words: '', negative: 'hat' },
    ];
    expect(triggersOf({ user: [...user, { name: 'none', words: ' , ' }] }).triggers).toEqual(user);
    expect(triggersOf({ side: user }).triggers).toEqual(user);
  });

  test.each([
    '{',
    '[1,2]',
    'null',
    '{"a":5}',
    '{"a":{"x":"many"}}',
    '{"a":["x"]}',
    '"text"',
    '{"__proto__":{"x":9}}',
  ])('broken counts say nothing: %s', text => {
    const metadata = { ss_tag_frequency: text, ss_dataset_dirs: text, ss_datasets: text };
    expect(triggersOf({ metadata }).triggers).toEqual([]);
  });
});
