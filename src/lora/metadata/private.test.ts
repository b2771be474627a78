/** Which texts are absolute paths, and what is left of them. */
import { describe, expect, test } from 'vitest';
import { findPrivate, privatePaths, withoutPaths } from './private.ts';

/** A folder of a user, put together so that no path of a machine stands in the source. */
const home = (...parts: string[]): string => ['', 'home', 'anna', ...parts].join('/');
const mac = (...parts: string[]): string => ['', 'Users', 'anna', ...parts].join('/');
const windows = String.raw`C:\Users\anna\loras\my cat`;
const inJson = JSON.stringify({ image_dir: windows, other: home('sets', 'a b'), n: 3 });

describe('paths', () => {
  test.each([
    ['a path', home('loras', 'cat.safetensors'), 'cat.safetensors'],
    ['with spaces, all of the value', home('my loras', 'cat one'), 'cat one'],
    ['of a Mac', mac('x.safetensors'), 'x.safetensors'],
    ['of Windows', windows, 'my cat'],
    ['of Windows with slashes', 'D:/sets/10_cat', '10_cat'],
    ['of a share', String.raw`\\nas\sets\cat`, 'cat'],
    ['a file URL', `file://${home('x')}`, 'x'],
    ['of the home folder', '~/loras/cat', 'cat'],
    ['among words', `made of ${home('sets', 'cat')}, by hand`, 'made of cat, by hand'],
    ['in settings', `--data=${home('sets', 'cat')} --n=3`, '--data=cat --n=3'],
    ['in JSON', inJson, '{"image_dir":"my cat","other":"a b","n":3}'],
    ['two of them', `/data/a/b /data/c/d`, 'b d'],
    ['outside of home folders', '/mnt/disk/set', 'set'],
  ])('%s', (_, value, left) => {
    expect(privatePaths(value).length).toBeGreaterThan(0);
    expect(withoutPaths(value)).toBe(left);
    expect(privatePaths(left)).toEqual([]);
  });

  test.each([
    'stable-diffusion-v1/lora',
    'https://example.org/a/b?c=/d/e',
    'https://github.com/Stability-AI/generative-models',
    '1/2 of them, and/or more',
    '{"10_cat": {"a cat/dog": 3}}',
    '(512, 512)',
    'AdamW(betas=(0.9, 0.999),eps=1e-08)',
    'sketch / drawing / ink',
    'a:b, c:d',
    '2026-11-26T15:00:00',
    '/',
    'data:image/png;base64,iVBOR/ab/cd+/ef/gh==',
    'C: the letter',
    'networks.lora',
    '\\(name\\), smile',
    '0x12/0x34',
  ])('none in %s', value => {
    expect(privatePaths(value)).toEqual([]);
    expect(withoutPaths(value)).toBe(value);
  });
});

test('a user’s own folder has no part that may be shown', () => {
  expect(withoutPaths(home())).toBeUndefined();
  expect(withoutPaths(home(''))).toBeUndefined();
  expect(withoutPaths(String.raw`C:\Users\anna`)).toBeUndefined();
});

test('findings name the entry, the path and the user; pictures are not looked into', () => {
  const picture = 'data:image/jpeg;base64,/9j/4AAQ/SkZ/JRg==';
  const metadata = { a: home('x', 'y'), b: 'cat', 'modelspec.thumbnail': picture, c: '/mnt/x/y' };
  expect(findPrivate(metadata)).toEqual([
    { key: 'a', path: home('x', 'y'), user: 'anna' },
    { key: 'c', path: '/mnt/x/y' },
  ]);
});
