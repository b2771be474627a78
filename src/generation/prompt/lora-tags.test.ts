/** LoRA tags as A1111's Lora extension reads them. */
import { expect, test } from 'vitest';
import { extractLoraTags } from './lora-tags.ts';

const tag = (name: string, strength: number, textStrength = strength) => ({ name, strength, textStrength });

test.each([
  ['a cat', 'a cat', []],
  ['a cat <lora:alice>', 'a cat', [tag('alice', 1)]],
  ['<lora:alice:0.8> a cat', 'a cat', [tag('alice', 0.8)]],
  ['a <lora:alice:0.8>cat, <lora:bob:-0.25>', 'a cat,', [tag('alice', 0.8), tag('bob', -0.25)]],
  // The first strength is the text encoder's, the second the UNet's.
  ['<lora:alice:0.2:0.9>', '', [tag('alice', 0.9, 0.2)]],
  ['<lora:alice:unet=0.9>', '', [tag('alice', 0.9, 1)]],
  ['<lora:alice:te=0.2>', '', [tag('alice', 0.2)]],
  ['<lora:alice:0.5:te=0.2>', '', [tag('alice', 0.2)]],
  ['<lora:alice:0.5:te=0.2:unet=0.7>', '', [tag('alice', 0.7, 0.2)]],
  ['<lyco:alice:0.5>', '', [tag('alice', 0.5)]],
  ['<lora:chars/al ice-v1.2:1>', '', [tag('chars/al ice-v1.2', 1)]],
  ['<lora: alice : 0.5 >', '', [tag('alice', 0.5)]],
  ['a < b and c > d, <b>', 'a < b and c > d, <b>', []],
  ['<lora:alice', '<lora:alice', []],
] as const)('%s', (prompt, rest, loras) => {
  expect(extractLoraTags(prompt)).toEqual({ prompt: rest, loras });
});

test.each([
  ['<lora:>', /has no name/],
  ['<lora::0.5>', /has no name/],
  ['<lora:te=1>', /has no name/],
  ['a <lora:alice:much>', /<lora:alice:much> at character 2 .*"much"/],
  ['<lora:alice:>', /""/],
  ['<lora:alice:Infinity>', /not a number/],
  ['<lora:alice:1:2:3>', /more than two/],
  ['<lora:alice:1:step=5-10>', /step=/],
])('%s is an error that says why', (prompt, why) => {
  expect(() => extractLoraTags(prompt)).toThrow(
    expect.objectContaining({ code: 'PROMPT_LORA_TAG', exit: 'usage', message: expect.stringMatching(why) }),
  );
});

test('block weights are kept as they are written', () => {
  const [named] = extractLoraTags('<lora:alice:1:lbw=OUTALL>').loras;
  expect(named).toEqual({ name: 'alice', strength: 1, textStrength: 1, blocks: 'OUTALL' });
  expect(extractLoraTags('<lora:a:0.5:0.7:lbw=M00=0,IN*=2>').loras[0]).toMatchObject({
    ...{ strength: 0.7, textStrength: 0.5, blocks: 'M00=0,IN*=2' },
  });
});
