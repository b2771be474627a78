/** Which file a name means, and what is said when it means none or several. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/pictures.ts';
import { serializeSafetensors } from '../files/index.ts';
import { findLora, parseLoraOption } from './find-lora.ts';

const folder = temporaryFolder();
const at = (path: string): string => join(folder, path);

beforeAll(() => {
  const files: [path: string, alias?: string][] = [
    ['alice.safetensors', 'Wonderland'],
    ['styles/ink.safetensors'],
    ['a/twin.safetensors'],
    ['b/twin.safetensors'],
    ['b/deep/Bob-V2.safetensors'],
    ['odd:0.5.safetensors'],
    ['odd:0.5'],
  ];
  for (const [path, alias] of files) {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), serializeSafetensors([], alias ? { ss_output_name: alias } : {}));
  }
  writeFileSync(at('notes.txt'), '');
  writeFileSync(at('broken.safetensors'), 'not a LoRA');
  symlinkSync(at('alice.safetensors'), at('linked.safetensors'));
});

describe('a tag', () => {
  test.each([
    ['alice', 'alice.safetensors'],
    ['ALICE', 'alice.safetensors'],
    ['alice.safetensors', 'alice.safetensors'],
    ['ink', 'styles/ink.safetensors'],
    ['styles/ink', 'styles/ink.safetensors'],
    ['styles\\ink', 'styles/ink.safetensors'],
    ['a/twin', 'a/twin.safetensors'],
    ['bob-v2', 'b/deep/Bob-V2.safetensors'],
    ['linked', 'linked.safetensors'],
  ])('%s', (name, path) => {
    expect(findLora(name, [folder])).toBe(at(path));
  });

  test('a name given at training counts where no file has the name', () => {
    const own = temporaryFolder();
    writeFileSync(join(own, 'x.safetensors'), serializeSafetensors([], { ss_output_name: 'Wonderland' }));
    writeFileSync(join(own, 'broken.safetensors'), 'not a LoRA');
    expect(findLora('wonderland', [own])).toBe(join(own, 'x.safetensors'));
  });

  test('the same folder given twice makes nothing ambiguous', () => {
    expect(findLora('ink', [folder, `${folder}/styles`, folder])).toBe(at('styles/ink.safetensors'));
  });

  test('two files of one name: both are listed, none is guessed', () => {
    expect(() => findLora('twin', [folder])).toThrow(
      expect.objectContaining({
        code: 'LORA_AMBIGUOUS',
        message: expect.stringMatching(/a\/twin\.safetensors or .*b\/twin\.safetensors/),
      }),
    );
  });

  test('no file of the name: near names, nearest first', () => {
    expect(() => findLora('alise', [folder])).toThrow(
      expect.objectContaining({
        code: 'LORA_NOT_FOUND',
        hint: expect.stringMatching(/^Nearest names: alice, /),
      }),
    );
    expect(() => findLora('x', [join(folder, 'no-such-folder')])).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/^No LoRA files in .*no-such-folder/) }),
    );
  });
});

describe('--lora', () => {
  const parse = (text: string) => parseLoraOption(text, [folder]);

  test.each([
    ['alice.safetensors', 'alice.safetensors', 1],
    ['alice.safetensors:0.8', 'alice.safetensors', 0.8],
    ['alice.safetensors:-1', 'alice.safetensors', -1],
    ['alice.safetensors:.5e-1', 'alice.safetensors', 0.05],
    ['alice:0.5', 'alice.safetensors', 0.5],
    ['odd:0.5', 'odd:0.5', 1],
    ['odd:0.5:0.25', 'odd:0.5', 0.25],
  ])('%s', (text, path, strength) => {
    expect(parse(at(text))).toEqual({ path: at(path), strength });
  });

  test.each([
    ['alice.safetensors:0.8:te=0.5', { strength: 0.8, textStrength: 0.5 }],
    ['alice.safetensors:te=0', { strength: 1, textStrength: 0 }],
    ['alice:unet=2:lbw=M00=0,OUT*=1', { strength: 2, blocks: 'M00=0,OUT*=1' }],
    ['alice.safetensors:0.5:lbw=1,0,1', { strength: 0.5, blocks: '1,0,1' }],
  ])('%s', (text, given) => {
    expect(parse(at(text))).toEqual({ path: at('alice.safetensors'), ...given });
  });

  test('a bare name is looked for in the folders', () => {
    expect(parse('ink:2')).toEqual({ path: at('styles/ink.safetensors'), strength: 2 });
  });

  test.each([
    ['alice.safetensors:', 'LORA_STRENGTH'],
    ['alice.safetensors:strong', 'LORA_STRENGTH'],
    ['alice.safetensors:1e999', 'LORA_STRENGTH'],
    ['alice.safetensors:0.5:0.8', 'LORA_STRENGTH'],
    ['alice.safetensors:te=x', 'LORA_STRENGTH'],
    ['styles', 'LORA_NOT_A_FILE'],
    ['alic.safetensors', 'LORA_NOT_FOUND'],
  ])('%s is %s', (text, code) => {
    expect(() => parse(at(text))).toThrow(expect.objectContaining({ code }));
  });

  test('a path that leads nowhere is never another file of that name', () => {
    expect(() => parse(at('nowhere/ink.safetensors'))).toThrow(
      expect.objectContaining({ code: 'LORA_NOT_FOUND', message: expect.stringContaining('nowhere') }),
    );
    expect(() => parse(at('alic.safetensors'))).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/^Nearest names: alice, /) }),
    );
  });
});
