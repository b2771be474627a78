/** LoRA tags as A1111's Lora extension reads them. */
import { expect, test } from 'vitest';
import { extractLoraTags, negativeTagFindings } from './lora-tags.ts';

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
  ['<LoRA:alice:0.5>', '', [tag('alice', 0.5)]],
  ['<lora:chars/al ice-v1.2:1>', '', [tag('chars/al ice-v1.2', 1)]],
  ['<lora: alice : 0.5 >', '', [tag('alice', 0.5)]],
  [
    '<lora:a:.8><lora:b:-.5><lora:c:1e-1><lora:d:+2.>',
    '',
    [tag('a', 0.8), tag('b', -0.5), tag('c', 0.1), tag('d', 2)],
  ],
  ['<lora:"my lora:2":0.5> x', 'x', [tag('my lora:2', 0.5)]],
  ['<lora:"a > b">, x', ', x', [tag('a > b', 1)]],
  ['<lora:"a=b":0.5>', '', [tag('a=b', 0.5)]],
  ['<lora:5" disk:0.5>', '', [tag('5" disk', 0.5)]],
  // Two `=` make an item positional in A1111, here the name.
  ['<lora:a=b=c:0.5>', '', [tag('a=b=c', 0.5)]],
  ['a < b and c > d, <b>', 'a < b and c > d, <b>', []],
  ['<lora:alice', '<lora:alice', []],
] as const)('%s', (prompt, rest, loras) => {
  expect(extractLoraTags(prompt)).toMatchObject({ prompt: rest, loras, findings: [] });
});

test.each([
  ['<lora:>', /has no name/],
  ['<lora::0.5>', /has no name/],
  ['<lora:"":0.5>', /has no name/],
  ['<lora:te=1>', /has no name/],
  ['a <lora:alice:much>', /<lora:alice:much> at character 3 .*"much"/],
  ['<lora:alice:>', /""/],
  ['<lora:alice:Infinity>', /not a number/],
  ['<lora:alice:0x10>', /not a number/],
  ['<lora:alice:1e999>', /not a number/],
  ['<lora:alice:1:2:3:4>', /more than two/],
  ['<lora:alice:1:1:OUTALL>', /"OUTALL"/],
  ['<lora:alice:1:OUTALL>', /"OUTALL"/],
  ['<lora:alice:te=1:te=2>', /te= twice/],
  ['<lora:alice:1:lbwe=ATTNDEEPON>', /lbwe=/],
  ['<lora:alice:0.75@0.0,0.38@0.5>', /changes over the steps/],
  ['<lora:alice:1:start=x>', /start=x is neither/],
  ['<lora:alice:1:stop=1.5>', /stop=1.5 is a share/],
  ['<lora:alice:1:step=5>', /step=5 is no range/],
  ['<lora:alice:1:step=5-9:stop=9>', /step= beside/],
  ['x <hypernet:anime:1>', /at character 3 .*hypernetwork/],
  ['<loar:alice:1>', /begins with loar/],
])('%s is an error that says why', (prompt, why) => {
  expect(() => extractLoraTags(prompt)).toThrow(
    expect.objectContaining({ code: 'PROMPT_LORA_TAG', exit: 'usage', message: expect.stringMatching(why) }),
  );
});

test.each([
  ['<lora:x:{0.2|1}>', '{<lora:x:0.2>|<lora:x:1>}'],
  ['a <lora:x:te={0|1}:unet=0.5> cat', '{<lora:x:te=0:unet=0.5>|<lora:x:te=1:unet=0.5>}'],
  ['<lora:x:{3::0.2|1}>', '{3::<lora:x:0.2>|<lora:x:1>}'],
  ['<lora:x:{0.2|1|LOW}>', '{<lora:x:0.2>|<lora:x:1>|<lora:x:LOW>}'],
])('alternatives within a tag: %s is meant as %s', (prompt, meant) => {
  expect(() => extractLoraTags(prompt)).toThrow(
    expect.objectContaining({ code: 'PROMPT_LORA_TAG', hint: `Alternatives stand around tags: ${meant}.` }),
  );
});

test('braces without a choice are no alternatives', () =>
  expect(() => extractLoraTags('<lora:a{b}:much>')).toThrow(
    expect.objectContaining({ hint: expect.stringMatching(/^Write <lora:name>/) }),
  ));

test('block weights are kept as they are written', () => {
  const [named] = extractLoraTags('<lora:alice:1:lbw=OUTALL>').loras;
  expect(named).toEqual({ name: 'alice', strength: 1, textStrength: 1, blocks: 'OUTALL' });
  expect(extractLoraTags('<lora:a:0.5:0.7:lbw=M00=0,IN*=2>').loras[0]).toMatchObject({
    ...{ strength: 0.7, textStrength: 0.5, blocks: 'M00=0,IN*=2' },
  });
});

test.each([
  ['start=10', { start: '10' }],
  ['stop=0.5', { stop: '0.5' }],
  ['start=.25:stop=15', { start: '.25', stop: '15' }],
  ['step=5-10', { start: '5', stop: '10' }],
  ['lbw=ALL:step=0.2-0.6', { start: '0.2', stop: '0.6' }],
])('steps: %s', (written, steps) => {
  const [{ start, stop }] = extractLoraTags(`<lora:alice:1:${written}>`).loras;
  expect({ start, stop }).toEqual({ start: undefined, stop: undefined, ...steps });
});

test('what is not done as it may be meant is said', () => {
  const twice = extractLoraTags('<lora:a:0.5> <lora:a:0.25> <lora:b:stop=5> <lora:b:start=5>');
  expect(twice.loras).toHaveLength(4);
  expect(twice.findings).toEqual([expect.stringMatching(/<lora:a> .* add up/)]);
  expect(extractLoraTags('<lora:a:1:1:16>').findings).toEqual([expect.stringMatching(/rank 16/)]);
  expect(extractLoraTags('<lora:a:dyn=8>').findings).toEqual([expect.stringMatching(/rank 8/)]);
  expect(extractLoraTags('[ <lora:a:1>::0.5], (<lora:b:1>:1.2), <lora:c:1>').findings).toEqual([
    ...[
      expect.stringMatching(/<lora:a:1>: brackets .* stop=/),
      expect.stringMatching(/<lora:b:1>: brackets/),
    ],
  ]);
  expect(extractLoraTags('a <segment:face> cat')).toMatchObject({
    ...{ prompt: 'a cat', loras: [] },
    findings: [expect.stringMatching(/<segment:face> at character 3/)],
  });
});

test('tags in a negative prompt are named', () => {
  expect(negativeTagFindings('bad, <lora:a:1>, <b:c>')).toEqual([
    expect.stringMatching(/^<lora:a:1> .* text/),
  ]);
  expect(negativeTagFindings('bad <3')).toEqual([]);
});

test.each([
  ['<lora:', ''],
  ['<lora:"', ''],
  ['<lora:"', '>'],
  ['<', '>'],
  ['<lora:"x', '" >'],
])('a megabyte of %s…%s takes time that is linear in its length', (unit, end) => {
  const start = performance.now();
  try {
    extractLoraTags(unit.repeat(2 ** 20 / unit.length) + end);
  } catch (error) {
    expect(error).toMatchObject({ code: 'PROMPT_LORA_TAG' });
  }
  expect(performance.now() - start).toBeLessThan(1500);
});

test('places in what is left are known in what was typed', () => {
  const typed = '  a <lora:x:1>   (red <lora:y:0.5>car <lora:z> ';
  const { prompt, positionOf } = extractLoraTags(typed);
  expect(prompt).toBe('a (red car');
  expect([...prompt].map((_, at) => typed[positionOf(at)]).join('')).toBe(prompt);
  expect(positionOf(prompt.indexOf('('))).toBe(typed.indexOf('('));
  expect(positionOf(prompt.indexOf('car'))).toBe(typed.indexOf('car'));
});
