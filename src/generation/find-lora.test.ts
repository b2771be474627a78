/** Which file a name means, and what is said when it means none or several. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/pictures.ts';
import { serializeSafetensors } from '../files/index.ts';
import { shownFolders } from './find-lora/near-names.ts';
import { findLora, openLoraFolders, parseLoraOption } from './find-lora.ts';

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
    writeFileSync(at(path), serializeSafetensors([], { path, ...(alias ? { ss_output_name: alias } : {}) }));
  }
  for (const path of ['peft/adapter_config.json', 'sets/two/unet/adapter_config.json', 'diffused/x.txt']) {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), '{}');
  }
  for (const path of ['peft/adapter_model', 'sets/two/unet/adapter_model', 'diffused/pytorch_lora_weights'])
    writeFileSync(at(`${path}.safetensors`), serializeSafetensors([], {}));
  writeFileSync(at('old.pt'), '');
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
    ['./alice', 'alice.safetensors'],
    ['peft', 'peft'],
    ['sets/two', 'sets/two'],
    ['diffused', 'diffused'],
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
        message: expect.stringMatching(
          /^LoRA twin could be .*a\/twin\.safetensors or .*b\/twin\.safetensors$/,
        ),
      }),
    );
  });

  test('no file of the name: near names, nearest first', () => {
    expect(() => findLora('alise', [folder])).toThrow(
      expect.objectContaining({
        code: 'LORA_NOT_FOUND',
        hint: expect.stringMatching(/^Nearest names: alice\b/),
      }),
    );
    expect(() => findLora('x', [join(folder, 'no-such-folder')])).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/^No LoRA files in .*no-such-folder/) }),
    );
    expect(() => parseLoraOption('qqzzqq.safetensors', ['.'])).toThrow(
      expect.objectContaining({ hint: 'No LoRA files of a name like that in this folder.' }),
    );
    expect(shownFolders(['.', 'loras'])).toBe('this folder, loras');
  });
});

describe('LoRAs in folders', () => {
  const file = (path: string, metadata: Record<string, string> = {}, value = 0): string => {
    mkdirSync(dirname(path), { recursive: true });
    const bytes = Uint8Array.of(value);
    writeFileSync(path, serializeSafetensors([{ name: 'x', dtype: 'uint8', shape: [1], bytes }], metadata));
    return path;
  };
  const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  const failure = (ask: () => unknown): { code: string; message: string; hint: string } => {
    try {
      ask();
    } catch (error) {
      return error as { code: string; message: string; hint: string };
    }
    throw new Error('no error');
  };

  test('the folders that A1111, Forge and ComfyUI use below their own', () => {
    const root = temporaryFolder();
    const lora = file(join(root, 'models/Lora/chars/a/b/c/d/one.safetensors'));
    const lycoris = file(join(root, 'models/LyCORIS/two.safetensors'));
    const comfy = file(join(root, 'models/loras/three.safetensors'));
    file(join(root, 'models/Stable-diffusion/one.safetensors'));
    const folders = openLoraFolders([root]);
    expect(['one', 'two', 'three'].map(name => folders.find(name))).toEqual([lora, lycoris, comfy]);
    expect(folders.find('chars/a/b/c/d/one')).toBe(lora);
    expect(openLoraFolders([join(root, 'models')]).files()).toHaveLength(3);
    expect(openLoraFolders([join(root, 'models/Lora/chars/a')]).find('b/c/d/one')).toBe(lora);
  });

  test('a linked folder is looked into, once, and makes nothing ambiguous', () => {
    const [root, other] = [temporaryFolder(), temporaryFolder()];
    const one = file(join(other, 'deep/one.safetensors'));
    symlinkSync(other, join(root, 'link'));
    symlinkSync(root, join(other, 'back'));
    expect(openLoraFolders([root]).find('deep/one')).toBe(join(root, 'link/deep/one.safetensors'));
    expect([one, join(root, 'link/deep/one.safetensors')]).toContain(
      openLoraFolders([root, other]).find('one'),
    );
  });

  test('case counts only where it must', () => {
    const root = temporaryFolder();
    const upper = file(join(root, 'Alice.safetensors'));
    const lower = file(join(root, 'x/alice.safetensors'), {}, 1);
    const folders = openLoraFolders([root]);
    expect([folders.find('Alice'), folders.find('alice')]).toEqual([upper, lower]);
    expect(failure(() => folders.find('ALICE')).code).toBe('LORA_AMBIGUOUS');
  });

  test('./name is the whole path', () => {
    const root = temporaryFolder();
    const top = file(join(root, 'alice.safetensors'));
    file(join(root, 'chars/alice.safetensors'), {}, 1);
    const folders = openLoraFolders([root]);
    expect(failure(() => folders.find('alice')).code).toBe('LORA_AMBIGUOUS');
    expect(folders.find('./alice')).toBe(top);
  });

  test('a name given at training: a file of that name goes before, two such are named', () => {
    const root = temporaryFolder();
    const ink = file(join(root, 'ink.safetensors'), { ss_output_name: 'paint' });
    const paint = file(join(root, 'paint.safetensors'), { ss_output_name: 'style' });
    file(join(root, 'third.safetensors'), { ss_output_name: 'Style' });
    const folders = openLoraFolders([root]);
    expect([folders.find('ink'), folders.find('paint')]).toEqual([ink, paint]);
    expect(failure(() => folders.find('style'))).toMatchObject({
      ...{ code: 'LORA_AMBIGUOUS', message: expect.stringMatching(/paint.*third.*at training/) },
    });
  });

  test('a name is read out of the metadata, not out of texts in it', () => {
    const root = temporaryFolder();
    const nested = '{"ss_output_name":"wrong"}';
    file(join(root, 'a.safetensors'), { note: nested, ss_output_name: 'Größe "1"' });
    file(join(root, 'b.safetensors'), { note: nested });
    const folders = openLoraFolders([root]);
    expect(folders.find('größe "1"')).toBe(join(root, 'a.safetensors'));
    expect(failure(() => folders.find('wrong')).code).toBe('LORA_NOT_FOUND');
  });

  test('by hash: of the tensors or of the file, whatever the header says of it', () => {
    const root = temporaryFolder();
    const paths = [1, 2, 3].map(i => file(join(root, `${i}.safetensors`), {}, i));
    const body = (value: number): string => sha256(Uint8Array.of(value));
    const stated = file(join(root, 'stated.safetensors'), { sshs_model_hash: body(4) }, 4);
    const wrong = file(join(root, 'wrong.safetensors'), { 'modelspec.hash_sha256': `0x${body(2)}` }, 5);
    const folders = openLoraFolders([root]);
    expect(folders.find(`hash:${body(2).slice(0, 12)}`)).toBe(paths[1]);
    expect(folders.find(`hash:${body(4).slice(0, 12).toUpperCase()}`)).toBe(stated);
    expect(folders.find(`hash: 0x${body(5)}`)).toBe(wrong);
    expect(folders.find(`hash:${sha256(readFileSync(paths[2])).slice(0, 10)}`)).toBe(paths[2]);
    expect(failure(() => folders.find('hash:0123456789ab')).code).toBe('LORA_NOT_FOUND');
    for (const odd of ['hash:', 'hash:abc', 'hash:xyzxyzxyz', `hash:${body(1)}0`])
      expect(failure(() => folders.find(odd)).code).toBe('LORA_HASH');
    expect(parseLoraOption(`hash:${body(1).slice(0, 12)}:0.5`, folders)).toEqual({
      path: paths[0],
      strength: 0.5,
    });
  });

  test('copies of one file are one, whatever they are asked for by', () => {
    const root = temporaryFolder();
    const metadata = { ss_output_name: 'style' };
    const [first] = ['a/x', 'b/x', 'c/x'].map(name => file(join(root, `${name}.safetensors`), metadata, 7));
    const hash = `hash:${sha256(Uint8Array.of(7)).slice(0, 12)}`;
    const found = (): string[] => {
      const folders = openLoraFolders([root]);
      return ['x', 'style', hash].map(name => folders.find(name));
    };
    expect(found()).toEqual([first, first, first]);
    // Other metadata: other bytes of the same length, but the same tensors.
    file(join(root, 'c/x.safetensors'), { ss_output_name: 'Style' }, 7);
    const folders = openLoraFolders([root]);
    expect(folders.find(hash)).toBe(first);
    for (const name of ['x', 'style']) expect(failure(() => folders.find(name)).code).toBe('LORA_AMBIGUOUS');
  });

  test('what is ambiguous is called as it was asked for, with a hint that helps there', () => {
    const root = temporaryFolder();
    for (const [i, name] of ['a/twin', 'b/twin'].entries()) file(join(root, `${name}.safetensors`), {}, i);
    const { message, hint } = failure(() => parseLoraOption('twin:0.5', [root]));
    expect(message).toMatch(/^LoRA twin could be .*a\/twin\.safetensors or .*b\/twin\.safetensors$/);
    expect(hint).toMatch(/hash: with its first 12 digits/);
  });

  test('near names: by letters, then by words', () => {
    const root = temporaryFolder();
    for (const name of ['AliceInWonderland_v2', 'pencil-sketch', 'bob', 'wonderful', 'sketchy_ink'])
      file(join(root, `${name}.safetensors`));
    const folders = openLoraFolders([root]);
    const hint = (name: string): string => failure(() => folders.find(name)).hint;
    expect(hint('wonderland')).toMatch(/^Nearest names: wonderful, AliceInWonderland_v2\./);
    expect(hint('bpb')).toBe('Nearest names: bob.');
    expect(hint('ink-sketch')).toMatch(/sketchy_ink/);
    expect(hint('zzzz')).toMatch(/^None of 5 LoRAs/);
    expect(hint('x'.repeat(1e6)).length).toBeLessThan(1000);
  });

  test('a pickle of that name is named', () => {
    expect(failure(() => openLoraFolders([folder]).find('old')).hint).toMatch(/old\.pt is a pickle/);
  });

  test.each(['../outside', '/etc/passwd', 'a/../../outside', 'C:\\x', '..\\outside', 'a\0b'])(
    '%s leads nowhere',
    name => {
      const root = temporaryFolder();
      file(join(root, 'outside.safetensors'));
      mkdirSync(join(root, 'inner'));
      const folders = openLoraFolders([join(root, 'inner')]);
      expect(failure(() => folders.find(name)).code).toBe('LORA_NOT_FOUND');
    },
  );

  test('3,000 files: names and aliases within a second, later questions at once', () => {
    const root = temporaryFolder();
    for (let i = 0; i < 3000; i++)
      file(join(root, `set-${i % 30}`, `style-${i}.safetensors`), { ss_output_name: `name-${i}` }, i % 256);
    const start = performance.now();
    const folders = openLoraFolders([root]);
    expect(folders.find('set-7/style-37')).toMatch(/style-37/);
    expect(folders.find('name-2999')).toMatch(/style-2999/);
    expect(failure(() => folders.find('stile-2999')).hint).toMatch(/style-2999/);
    expect(performance.now() - start).toBeLessThan(2000); // 0.5 s on two idle cores
    const again = performance.now();
    for (let i = 0; i < 20; i++) folders.find(`name-${i}`);
    expect(performance.now() - again).toBeLessThan(300);
  });
});

describe('--lora', () => {
  const parse = (text: string) => parseLoraOption(text, [folder], { steps: true });

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
    ['alice.safetensors:0.5:start=5:stop=0.5', { strength: 0.5, start: '5', stop: '0.5' }],
    ['alice:step=5-10', { strength: 1, start: '5', stop: '10' }],
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
    ['alice.safetensors:step=5', 'LORA_STEP_RANGE'],
    ['alice.safetensors:start=x', 'LORA_STEP_RANGE'],
    ['alice.safetensors:step=1-2:stop=5', 'LORA_STRENGTH'],
    ['styles', 'LORA_NOT_A_FILE'],
    ['alic.safetensors', 'LORA_NOT_FOUND'],
  ])('%s is %s', (text, code) => {
    expect(() => parse(at(text))).toThrow(expect.objectContaining({ code }));
  });

  test('steps are refused where there are none', () => {
    expect(() => parseLoraOption(at('alice.safetensors:start=5'), [folder])).toThrow(
      expect.objectContaining({ code: 'LORA_STEP_RANGE', message: expect.stringMatching(/no steps/) }),
    );
  });

  test('a path that leads nowhere is never another file of that name', () => {
    expect(() => parse(at('nowhere/ink.safetensors'))).toThrow(
      expect.objectContaining({ code: 'LORA_NOT_FOUND', message: expect.stringContaining('nowhere') }),
    );
    expect(() => parse(at('alic.safetensors'))).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/^Nearest names: alice\b/) }),
    );
  });
});
