import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { captionChances, drawCaption, fixedCaption } from './caption-draw.ts';
import { type DrawRules, plainRules } from './picture-rules.ts';

interface Golden {
  steps: number;
  rules: Record<string, unknown>[];
  captions: string[];
  /** rules, caption, step, epoch, and what the random generator gave: numbers, choices, orders; the text */
  draws: [number, number, number, number, number[], number[], number[][], string][];
}

const golden: Golden = JSON.parse(
  readFileSync(new URL('../../test/golden/data/kohya-captions.json', import.meta.url), 'utf8'),
);

const names: Readonly<Record<string, keyof DrawRules>> = {
  shuffle_caption: 'shuffleTags',
  keep_tokens: 'keepTags',
  keep_tokens_separator: 'keepTagsSeparator',
  caption_separator: 'tagSeparator',
  secondary_separator: 'secondarySeparator',
  caption_tag_dropout_rate: 'tagDropout',
  caption_dropout_rate: 'captionDropout',
  caption_dropout_every_n_epochs: 'captionDropoutEvery',
  enable_wildcard: 'wildcards',
  caption_prefix: 'captionPrefix',
  caption_suffix: 'captionSuffix',
  token_warmup_min: 'tokenWarmupMin',
  token_warmup_step: 'tokenWarmupSteps',
};

const rulesOf = (given: Record<string, unknown>): DrawRules => ({
  ...plainRules,
  ...Object.fromEntries(Object.entries(given).map(([name, value]) => [names[name], value])),
});

test('with the random decisions of sd-scripts, the captions of sd-scripts', () => {
  expect(golden.draws.length).toBeGreaterThan(600);
  for (const [rule, caption, step, epoch, numbers, choices, orders, text] of golden.draws) {
    const [uniforms, chosen, ordered] = [[...numbers], [...choices], [...orders]];
    const uniform = (): number => uniforms.shift() ?? Number.NaN;
    const chances = {
      ...{ dropout: uniform, tag: uniform },
      choose: () => chosen.shift() ?? Number.NaN,
      order: (count: number) => {
        expect(ordered[0]).toHaveLength(count);
        return ordered.shift() as number[];
      },
    };
    // sd-scripts counts epochs from 1.
    const moment = { step, steps: golden.steps, epoch: epoch - 1 };
    const drawn = drawCaption(golden.captions[caption], rulesOf(golden.rules[rule]), moment, chances);
    expect(drawn, JSON.stringify([golden.rules[rule], golden.captions[caption], step])).toBe(text);
    // Every decision was asked for, and none besides.
    expect([uniforms, chosen, ordered]).toEqual([[], [], []]);
  }
});

const draw = (caption: string, rules: Partial<DrawRules>, step: number, steps = 100): string =>
  drawCaption(caption, { ...plainRules, ...rules }, { step, steps, epoch: step }, captionChances(5, step, 0));

test('draws are functions of seed, step and sample, as often as they should be', () => {
  const caption = 'zork, a, b, c, {x|y|z}';
  const rules = { shuffleTags: true, keepTags: 1, wildcards: true, tagDropout: 0.3, captionDropout: 0.2 };
  const many = Array.from({ length: 3000 }, (_, step) => draw(caption, rules, step, 1));
  expect(many.slice(0, 50)).toEqual(Array.from({ length: 50 }, (_, step) => draw(caption, rules, step, 1)));
  const share = (has: (text: string) => boolean, of = many): number => of.filter(has).length / of.length;
  const kept = many.filter(text => text !== '');
  // Five standard deviations of a share among 2400 or more draws are below 0.05.
  expect(share(text => text === '')).toBeCloseTo(0.2, 1);
  expect(kept.every(text => text.startsWith('zork'))).toBe(true);
  expect(Math.abs(share(text => text.includes('a'), kept) - 0.7)).toBeLessThan(0.05);
  expect(Math.abs(share(text => text.includes('y'), kept) - 0.7 / 3)).toBeLessThan(0.05);
  const both = kept.filter(text => text.includes('a') && text.includes('c'));
  expect(Math.abs(share(text => text.indexOf('a') < text.indexOf('c'), both) - 0.5)).toBeLessThan(0.08);
});

test('one text is drawn of a caption exactly when it is fixed', () => {
  const captions = ['a, b', 'a {x} b', 'a {x|y} b', 'first\nsecond', 'a {{x|y}} b'];
  const fixed = (rules: Partial<DrawRules>) =>
    captions.map(caption => fixedCaption(caption, { ...plainRules, ...rules }));
  expect(fixed({ captionPrefix: 'p', captionDropout: 0.5 })).toEqual([
    'p a, b',
    'p a {x} b',
    'p a {x|y} b',
    'p first',
    'p a {{x|y}} b',
  ]);
  expect(fixed({ wildcards: true })).toEqual(['a, b', 'a x b', undefined, undefined, 'a {x|y} b']);
  expect(fixed({ shuffleTags: true })).toEqual(Array(5).fill(undefined));
  expect(fixed({ tokenWarmupSteps: 0.5 })).toEqual(Array(5).fill(undefined));
});
