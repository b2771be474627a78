/** Texts that are as long as anything that is drawn of a caption, counted by CLIP's own tokenizer. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { captionChances, drawCaption, longestCaption } from '../../src/dataset/caption-draw.ts';
import { type DrawRules, plainRules } from '../../src/dataset/picture-rules.ts';
import { openClipTokenizer } from '../../src/models/tokenizer/index.ts';

const draw = (caption: string, rules: DrawRules, step: number): string =>
  drawCaption(caption, rules, { step, steps: 100, epoch: step }, captionChances(5, step, 0));

const { encode, endId } = openClipTokenizer('<|endoftext|>');
/** Without start, end and filling, which is the end token. */
const countTokens = (text: string): number => encode(text, 200).ids.filter(id => id < endId - 1).length;

const word = fc.constantFrom(...'a cat :) ... girl’s 1girl naïve 猫 … !? x_x (hat) c++ ©™ 😀 o.O'.split(' '));
const tag = fc.array(word, { minLength: 1, maxLength: 3 }).map(words => words.join(' '));
const wild = fc.array(tag, { minLength: 1, maxLength: 3 }).map(words => `{${words.join('|')}}`);
const line = fc.array(fc.oneof(tag, wild, fc.constant('|||'), fc.constant('a;;;b)')), {
  minLength: 1,
  maxLength: 6,
});
const anyCaption = fc
  .array(line, { minLength: 1, maxLength: 2 })
  .map(rows => rows.map(r => r.join(', ')).join('\n'));
const anyRules: fc.Arbitrary<DrawRules> = fc.record({
  ...Object.fromEntries(Object.entries(plainRules).map(([name, value]) => [name, fc.constant(value)])),
  shuffleTags: fc.boolean(),
  keepTags: fc.nat(2),
  keepTagsSeparator: fc.constantFrom('', '|||'),
  secondarySeparator: fc.constantFrom('', ';;;'),
  tagDropout: fc.constantFrom(0, 0.5),
  wildcards: fc.boolean(),
  captionPrefix: fc.constantFrom('', 'photo of'),
  captionSuffix: fc.constantFrom('', 'end.'),
  tokenWarmupSteps: fc.constantFrom(0, 10),
}) as unknown as fc.Arbitrary<DrawRules>;

test('no draw has more tokens than the longest text', () => {
  fc.assert(
    fc.property(anyCaption, anyRules, (caption, rules) => {
      const most = countTokens(longestCaption(caption, rules, countTokens));
      for (let step = 0; step < 12; step++) {
        expect(countTokens(draw(caption, rules, step))).toBeLessThanOrEqual(most);
      }
    }),
    { numRuns: 200 },
  );
});
