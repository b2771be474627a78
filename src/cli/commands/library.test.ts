import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { runHere } from '../../../test/support/command-line.ts';
import { stripes, temporaryFolder } from '../../../test/support/pictures.ts';
import { serializeLora } from '../../lora/index.ts';
import { libraryCommand } from './library.ts';
import { packCommand } from './pack.ts';
import { unpackCommand } from './unpack.ts';

let data: string;
let webui: string;

function loraBytes(metadata: Record<string, string>, value = 0.01): Uint8Array {
  const matrix = (shape: number[]) => ({ shape, data: new Float32Array(shape[0] * shape[1]).fill(value) });
  const module = {
    target: 'unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q',
    ...{ kind: 'lora' as const, rank: 2, alpha: 2 },
    tensors: { down: matrix([2, 64]), up: matrix([64, 2]) },
  };
  return serializeLora({ modules: [module], metadata }, { dtype: 'float32' }).bytes;
}

const loraFile = (...name: string[]): string => join(webui, 'models', 'Lora', ...name);
const lora = (...words: string[]) => runHere(libraryCommand(), ...words, '--data', data);
const json = async (...words: string[]) => JSON.parse((await lora(...words, '--json')).stdout);

beforeEach(async () => {
  data = join(temporaryFolder(), 'data');
  webui = join(temporaryFolder(), 'webui');
  mkdirSync(loraFile('chars'), { recursive: true });
  mkdirSync(join(webui, 'models', 'Stable-diffusion'));
  writeFileSync(loraFile('chars', 'zork.safetensors'), loraBytes({ 'modelspec.trigger_phrase': 'zork hat' }));
  writeFileSync(loraFile('chars', 'zork.json'), '{"notes": "by hand", "unknown": 1}');
  writeFileSync(loraFile('inkwash.safetensors'), loraBytes({}, 0.02));
  const { status, stderr } = await lora('add', webui);
  expect([status, stderr]).toEqual([0, expect.not.stringContaining('error')]);
});

describe('looking', () => {
  test('add tells what it found; folders shows all', async () => {
    const { stdout } = await lora('folders');
    expect(stdout).toMatch(/LoRA +a1111 +.*models\/Lora$/m);
    expect(await json('scan')).toMatchObject({ seen: 2, added: 0, missing: 0 });
  });

  test('list by words and filters', async () => {
    const { stdout } = await lora('list', '--use', 'lora', '--sort', 'name');
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^[\da-f]{8} {2}inkwash/);
    expect(lines[1]).toMatch(/zork .*LoRA 2 +zork hat$/);
    expect((await json('list', 'hat', 'zor')).cards.map(({ name }: { name: string }) => name)).toEqual([
      'zork',
    ]);
    expect((await lora('search', 'zork')).stdout).toContain('zork hat');
    expect((await lora('list', 'nobody')).stdout).toBe('no cards\n');
  });

  test('what is wrong is told, with what was meant', async () => {
    const cases: readonly (readonly [words: string[], code: string, hint: string])[] = [
      [['list', '--kind', 'lorra'], 'FILTER_UNKNOWN', 'Did you mean LoRA?'],
      [['list', '--limit', '-3'], 'OPTION_INVALID', '--limit -3: give a number from 1 to 1000'],
      [['list', '--use', 'banana'], 'OPTION_INVALID', 'give lora, checkpoint, embedding, vae'],
      [['list', '--use', 'lorra'], 'OPTION_INVALID', 'Did you mean lora?'],
      [['list', '--sort', 'nam'], 'OPTION_INVALID', 'Did you mean name?'],
      [['add', webui], 'FOLDER_KNOWN', 'is in the library already\n'],
      [['add', loraFile('chars')], 'FOLDER_KNOWN', 'is in the library already, as part of'],
      [['show', 'zorc'], 'CARD_UNKNOWN', 'Did you mean zork'],
      [['remove', 'nothing'], 'FOLDER_UNKNOWN', 'lora library folders'],
      [['add', '/nowhere'], 'FOLDER_NOT_FOUND', ''],
      [['add', '.', '--as', 'lorra'], 'OPTION_INVALID', 'Did you mean lora?'],
      [['set', 'zork'], 'SET_NOTHING', '--trigger'],
      [['set', 'zork', '--rating', '6'], 'CARD_EDIT_WRONG', 'rating'],
      [['set', 'zork', '--rating', 'many'], 'OPTION_NOT_A_NUMBER', ''],
      [['set', 'inkwash', '--negative', 'x'], 'SET_NO_TRIGGER', ''],
      [['set', 'zork', '--reset', 'triger'], 'OPTION_INVALID', 'Did you mean trigger?'],
      [['preview', 'zork'], 'PREVIEW_NOTHING', '--beside'],
      [['preview', 'zork', '--beside'], 'PREVIEW_NONE', ''],
    ];
    for (const [words, code, hint] of cases) {
      const { status, stderr } = await lora(...words);
      expect([words, status === 0, stderr]).toEqual([words, false, expect.stringContaining(code)]);
      expect(stderr).toContain(hint);
    }
  });

  test('a card by id, name, folder/name, file name and path', async () => {
    const { id } = await json('show', 'zork');
    const path = loraFile('chars', 'zork.safetensors');
    for (const name of [id, id.slice(0, 8), 'ZORK', 'chars/zork', 'chars\\zork', 'zork.safetensors', path])
      expect((await json('show', name)).id).toBe(id);
  });

  test('two cards of one name: none is guessed', async () => {
    writeFileSync(loraFile('zork.safetensors'), loraBytes({}, 0.03));
    await lora('scan');
    const { status, stderr } = await lora('show', 'zork');
    expect(status).toBe(3);
    expect(stderr).toMatch(/CARD_AMBIGUOUS: 2 cards are called zork\n {2}Give an id: [\da-f]{16} /);
    expect((await lora('show', 'chars/zork')).stdout).toContain('zork hat');
  });

  test('copies and hashes', async () => {
    writeFileSync(loraFile('copy.safetensors'), readFileSync(loraFile('chars', 'zork.safetensors')));
    await lora('scan');
    expect((await lora('duplicates')).stdout).toMatch(/1 model with files that look alike .*library hash ID/);
    expect((await lora('hash', 'copy')).stdout).toMatch(
      /^AutoV2 {2}[\da-f]{10}\nAutoV3 {2}[\da-f]{12}\nSHA256 {2}[\da-f]{64}\n/m,
    );
    expect((await lora('duplicates')).stdout).toContain('1 model more than once');
  });

  test('a card whose file is away is still shown', async () => {
    const { rmSync } = await import('node:fs');
    rmSync(loraFile('inkwash.safetensors'));
    await lora('scan');
    expect((await lora('list', '--missing')).stdout).toMatch(/inkwash.*missing/);
    expect((await lora('show', 'inkwash')).stdout).toContain('inkwash.safetensors (missing)');
  });

  test('a folder is forgotten, its files stay', async () => {
    await lora('remove', join(webui, 'models', 'Lora'));
    expect((await json('list', '--use', 'lora')).total).toBe(0);
    expect(existsSync(loraFile('chars', 'zork.safetensors'))).toBe(true);
  });
});

describe('writing', () => {
  test('set, and back again', async () => {
    await lora(
      'set',
      'zork',
      '--trigger',
      'zork',
      '--trigger',
      'zork, armor',
      '--negative',
      'bald',
      '--strength',
      '0.7',
    );
    await lora(
      'set',
      'zork',
      '--tag',
      'hat',
      '--tag',
      'hats',
      '--rating',
      '4',
      '--favourite',
      '--notes',
      'mine',
    );
    const card = await json('set', 'zork', '--untag', 'HATS', '--name', 'Zork!');
    expect(card).toMatchObject({
      ...{ name: 'Zork!', tags: ['hat'], rating: 4, favourite: true, notes: 'mine', strength: 0.7 },
      triggers: [
        { name: 'zork', words: 'zork', negative: 'bald' },
        { name: 'armor', words: 'zork, armor' },
      ],
      triggerOrigin: 'user',
    });
    const back = await json('set', 'Zork!', '--reset', 'trigger', '--reset', 'name', '--no-favourite');
    expect(back).toMatchObject({ name: 'zork', favourite: false, triggerOrigin: 'metadata' });
    expect(readFileSync(loraFile('chars', 'zork.json'), 'utf8')).toBe('{"notes": "by hand", "unknown": 1}');
  });

  test('a preview, here and beside the file', async () => {
    const picture = join(temporaryFolder(), 'p.png');
    writeFileSync(picture, stripes(64, 32, 1));
    expect((await lora('preview', 'zork', picture)).stdout).toContain('zork shows');
    expect(readdirSync(loraFile('chars'))).toEqual(['zork.json', 'zork.safetensors']);
    await lora('preview', 'zork', '--beside');
    expect(existsSync(loraFile('chars', 'zork.preview.png'))).toBe(true);
    expect((await lora('preview', 'zork', '--beside')).stderr).toContain('WRITE_EXISTS');
    expect((await lora('preview', 'zork', '--remove')).stdout).toContain('zork shows');
  });

  test('side files for other programs, on request only', async () => {
    expect((await lora('side-files', 'zork')).stdout).toContain('a1111');
    const { stdout } = await lora('side-files', 'zork', '--write', 'a1111');
    expect(stdout).toContain('zork.json');
    expect(JSON.parse(readFileSync(loraFile('chars', 'zork.json'), 'utf8'))).toMatchObject({
      'activation text': 'zork hat',
      notes: 'by hand',
      unknown: 1,
    });
    await lora('side-files', 'inkwash', '--write', 'lora-manager');
    expect(existsSync(loraFile('inkwash.metadata.json'))).toBe(true);
  });
});

describe('packs', () => {
  test('from a card with what was written of it, into another library', async () => {
    await lora('set', 'zork', '--license', 'CC0', '--tag', 'hat', '--notes', 'private');
    const out = join(temporaryFolder(), 'gift.lorapack');
    const packed = await runHere(packCommand(), 'zork', '--out', out, '--data', data);
    expect(packed.stdout).toContain('lora/zork.safetensors');
    data = join(temporaryFolder(), 'other');
    const unpacked = await runHere(unpackCommand(), out, '--data', data);
    expect(unpacked.stdout).toMatch(
      /loras\/zork\.safetensors\n {2}is +LoRA for .*\n.*\n {2}trigger +zork hat\n {2}licence +CC0/,
    );
    const card = await json('show', 'zork');
    expect(card).toMatchObject({ tags: ['hat'], license: 'CC0', notes: '' });
    const again = await runHere(unpackCommand(), out, '--data', data);
    expect(again.stdout).toContain('was there already');
  });

  test('from a file, and to a folder', async () => {
    const out = join(temporaryFolder(), 'x.lorapack');
    const to = join(temporaryFolder(), 'to');
    await runHere(packCommand(), loraFile('inkwash.safetensors'), '--out', out, '--data', data);
    const { status } = await runHere(unpackCommand(), out, '--to', to, '--data', data);
    expect([status, readdirSync(to)]).toEqual([0, ['inkwash.json', 'inkwash.safetensors']]);
  });

  test('what cannot be packed or unpacked', async () => {
    for (const [words, code] of [
      [['zorc'], 'CARD_UNKNOWN'],
      [['zork', '--out', 'x.zip'], 'PACK_ENDING'],
      [['zork', '--out', '/nowhere/x.lorapack'], 'WRITE_'],
    ] as const) {
      const { status, stderr } = await runHere(packCommand(), ...words, '--data', data);
      expect([status === 0, stderr]).toEqual([false, expect.stringContaining(code)]);
    }
    const none = await runHere(unpackCommand(), '/nowhere.lorapack', '--data', data);
    expect(none.stderr).toContain('FILE_NOT_FOUND');
    const lora = await runHere(unpackCommand(), loraFile('inkwash.safetensors'), '--data', data);
    expect([lora.status, lora.stderr]).toEqual([
      3,
      expect.stringContaining('put it into a folder of the library'),
    ]);
  });
});
