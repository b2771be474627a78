/** Alternatives and wildcards: which choice a picture gets, and everything that is wrong with them. */
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { expandPrompt, openWildcards } from './wildcards.ts';

function folderOf(files: Record<string, string>): string {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const folder = folderOf({
  'colours.txt': 'red\r\nblue\r\n# green\n',
  'empty.txt': '# nothing\n\n',
  'loop.txt': 'a __loop__',
  'ends.txt': 'x\nx __ends__',
  'bomb.txt': '__bomb2__ __bomb2__ __bomb2__ __bomb2__',
  'bomb2.txt': '__bomb3__ __bomb3__ __bomb3__ __bomb3__ __bomb3__ __bomb3__',
  'bomb3.txt': 'x __bomb4__ __bomb4__ __bomb4__ __bomb4__ __bomb4__ __bomb4__ __bomb4__',
  'bomb4.txt': '__long__ __long__ __long__ __long__ __long__ __long__ __long__ __long__',
  'long.txt': 'word '.repeat(2000),
  'open.txt': '{a|b',
  'people.yaml': 'a: [b]',
  'deep/Names.txt': 'Ada',
});
const wildcards = openWildcards([folder]);
const expand = (text: string, seed: bigint | number = 1): string =>
  expandPrompt(text, { seed, wildcards }).text;

test('the seed decides, up to 64 bits, and nothing else', () => {
  const template = '{1|2|3|4|5|6|7|8} {1|2|3|4|5|6|7|8} {1|2|3|4|5|6|7|8} __colours__';
  const texts = Array.from({ length: 50 }, (_, seed) => expand(template, seed));
  expect(new Set(texts).size).toBeGreaterThan(40);
  expect(expand(template, 17)).toBe(texts[17]);
  expect(expand(template, 17n)).toBe(texts[17]);
  expect(expand(template, 2n ** 63n + 17n)).not.toBe(texts[17]);
  const both = texts.filter((text, seed) => {
    return expandPrompt(template, { seed, wildcards, role: 'negative' }).text === text;
  });
  expect(both.length).toBeLessThan(5);
});

test.each([
  'a cat',
  '\\{a|b\\}',
  '<lora:{a|b}:1>, x',
  'a } b | c',
  'a_b __c',
  'some __ spaced __ words',
  '____',
  'a [b|c] [d:e:0.5] (f:1.2)',
])('%s stays as it is', text => {
  expect(expandPrompt(text, { seed: 1, wildcards: [] }).text).toBe(text);
});

test('what it says of the change', () => {
  expect(expandPrompt('a cat', { seed: 1, wildcards })).toEqual({ text: 'a cat', changed: false });
  expect(expandPrompt('{a}', { seed: 1, wildcards })).toEqual({ text: 'a', changed: true });
  expect(expandPrompt('__deep/Names__', { seed: 1, wildcards: [folder] })).toEqual({
    text: 'Ada',
    changed: true,
  });
});

test('LoRA tags may be chosen among', () => {
  const texts = Array.from({ length: 30 }, (_, seed) => expand('{<lora:a:1>|<lora:b|c:1>}', seed));
  expect(new Set(texts)).toEqual(new Set(['<lora:a:1>', '<lora:b|c:1>']));
});

test('names: endings, slashes, case', () => {
  for (const name of ['deep/names', 'deep\\NAMES', 'names.txt', '/deep/Names', '**mes'])
    expect(expand(`__${name}__`)).toBe('Ada');
});

test('a file may mention itself where another line ends it', () => {
  const texts = Array.from({ length: 60 }, (_, seed) => expand('__ends__', seed));
  expect(texts).toContain('x x x');
});

test('the folders that sd-dynamic-prompts uses below A1111', () => {
  const root = folderOf({
    'extensions/sd-dynamic-prompts/wildcards/ink.txt': 'blot',
    'outputs/log/ink.txt': 'no wildcard',
  });
  expect(expandPrompt('__ink__', { seed: 1, wildcards: [root] }).text).toBe('blot');
});

test.each([
  ['a {b|c', 'PROMPT_ALTERNATIVES', /not closed at character 3/],
  ['{a|{b}', 'PROMPT_ALTERNATIVES', /not closed at character 1/],
  ['{'.repeat(1e5), 'PROMPT_ALTERNATIVES', /braces within braces at character 101/],
  ['x {0::a|0::b}', 'PROMPT_ALTERNATIVES', /character 3 have the weight 0/],
  ['{@a|b}', 'PROMPT_ALTERNATIVES', /order "@"/],
  ['x __!colours__', 'PROMPT_ALTERNATIVES', /order "!" is not supported at character 3/],
  ['$' + '{x=red} y', 'PROMPT_ALTERNATIVES', /variables are not supported at character 1/],
  ['%{a$$b}', 'PROMPT_ALTERNATIVES', /%\{ is not supported/],
  ['__colours(x=1)__', 'PROMPT_ALTERNATIVES', /parameters are not supported/],
  ['__open__', 'PROMPT_ALTERNATIVES', /__open__, "\{a\|b": \{ is not closed/],
  ['a __colors__', 'WILDCARD_NOT_FOUND', /called colors \(at character 3/, /^Nearest names: colours/],
  ['__people__', 'WILDCARD_NOT_FOUND', /people/, /people\.yaml is not read: only \.txt/],
  ['__../colours__', 'WILDCARD_NOT_FOUND', /\.\.\/colours/],
  ['__a*a*a*a*a*a*a*a*a*a*a*a*a*b__', 'WILDCARD_NOT_FOUND', /a\*/],
  ['__empty__', 'WILDCARD_EMPTY', /empty\.txt: no line/],
  ['__loop__', 'WILDCARD_CYCLE', /24 deep: loop → loop/],
  ['__bomb__', 'WILDCARD_TOO_MUCH', /more than/],
] as const)('%s is an error', (text, code, message, hint = /./) => {
  expect(() => expand(text)).toThrow(
    expect.objectContaining({
      code,
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    }),
  );
});

test('without folders a wildcard is an error that says so', () => {
  expect(() => expandPrompt('__x__', { seed: 1, wildcards: [] })).toThrow(
    expect.objectContaining({ code: 'WILDCARD_NOT_FOUND', message: expect.stringMatching(/no folder/) }),
  );
});

test('a file of more than 16 MB is refused', () => {
  const root = folderOf({ 'big.txt': 'x' });
  truncateSync(join(root, 'big.txt'), 16 * 2 ** 20 + 1);
  expect(() => expandPrompt('__big__', { seed: 1, wildcards: [root] })).toThrow(
    expect.objectContaining({ code: 'WILDCARD_TOO_LARGE', message: expect.stringMatching(/16777217/) }),
  );
});

test.each(['{a|b} ', '__', '_ _', '{ ', 'a__b ', '{1-2$$', '<lora:'])(
  'a megabyte of %s takes linear time',
  unit => {
    const start = performance.now();
    try {
      expand(unit.repeat(2 ** 20 / unit.length));
    } catch (error) {
      expect((error as { code: string }).code).toMatch(/^(WILDCARD|PROMPT)_/);
    }
    expect(performance.now() - start).toBeLessThan(4000);
  },
);
