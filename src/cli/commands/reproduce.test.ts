/** `lora reproduce` as a user calls it: on our own pictures, and on those of other programs. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { runHere } from '../../../test/support/command-line.ts';
import { randomLora, writeTestLora } from '../../../test/support/loras.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { encodePng, readPngText } from '../../files/index.ts';
import { parseInfotext } from '../../generation/index.ts';
import { openCheckpoint } from '../../models/index.ts';
import { generateCommand } from './generate.ts';
import { reproduceCommand } from './reproduce.ts';

const folder = temporaryFolder();
const file = (...names: string[]): string => join(folder, ...names);
const generate = (...options: string[]) =>
  runHere(generateCommand(), ...options, '--size', '32x32', '--json');
const reproduce = (...options: string[]) => runHere(reproduceCommand(), ...options, '--json');
const textOf = (path: string): Record<string, string> => readPngText(readFileSync(path));

beforeAll(() => {
  const checkpoint = openCheckpoint('pretrained/pocket');
  for (const [i, name] of ['alice', 'bob'].entries()) {
    mkdirSync(file(name));
    writeTestLora(file(name, `${name}.safetensors`), randomLora(checkpoint, { seed: i + 1, rank: 4 }));
  }
});

describe('our own pictures', () => {
  test('with LoRAs in the prompt and beside it, of which one was renamed: the same bytes', async () => {
    const prompt = 'a (red:1.2) {car|boat} [at night:by day:0.5] <lora:alice:0.8:0.5:start=1>';
    const loras = ['--lora-folder', file('alice'), '--lora', `${file('bob/bob.safetensors')}:0.4:lbw=OUTALL`];
    const sampling = ['--sampler', 'DPM++ 2M SDE', '--steps', '3', '--preset', 'a1111', '--seed', '11'];
    const made = await generate(prompt, ...loras, ...sampling, '--out', file('a.png'));
    expect(made.status).toBe(0);
    renameSync(file('alice/alice.safetensors'), file('alice/other name.safetensors'));
    const folders = ['--lora-folder', file('alice'), '--lora-folder', file('bob')];
    const again = await reproduce(file('a.png'), ...folders, '--out', file('a2.png'));
    expect(again.stderr).toContain('alice is called');
    expect(JSON.parse(again.stdout)).toMatchObject({
      identical: true,
      meanDifference: 0,
      program: 'lora-studio',
    });
    expect(readFileSync(file('a2.png'))).toEqual(readFileSync(file('a.png')));
    renameSync(file('alice/other name.safetensors'), file('alice/alice.safetensors'));
  });

  test('no path of this machine is in them', async () => {
    const made = await generate(
      'a cat',
      '--lora',
      file('bob/bob.safetensors'),
      '--steps',
      '1',
      '--out',
      file('p.png'),
    );
    expect(made.status).toBe(0);
    for (const text of Object.values(textOf(file('p.png')))) expect(text).not.toContain(folder);
  });

  test('from a picture with a mask: both are found beside it, and must be the same', async () => {
    const pixels = Uint8Array.from({ length: 3 * 32 * 32 }, (_, i) => (i * 7) % 256);
    const half = Uint8Array.from({ length: 3 * 32 * 32 }, (_, i) => (i % 96 < 48 ? 255 : 0));
    const size = { width: 32, height: 32, channels: 3 } as const;
    writeFileSync(file('start.png'), encodePng({ ...size, data: pixels }));
    writeFileSync(file('mask.png'), encodePng({ ...size, data: half }));
    const start = [
      '--init',
      file('start.png'),
      '--mask',
      file('mask.png'),
      '--mask-blur',
      '1',
      '--strength',
      '0.6',
    ];
    await generate('snow', ...start, '--steps', '4', '--seed', '3', '--out', file('in.png'));
    const again = await reproduce(file('in.png'), '--out', file('in2.png'));
    expect(JSON.parse(again.stdout)).toMatchObject({ identical: true });
    writeFileSync(file('start.png'), encodePng({ ...size, data: half }));
    const changed = await reproduce(file('in.png'), '--out', file('in3.png'));
    expect([changed.status, JSON.parse(changed.stdout).error.code]).toEqual([3, 'PICTURE_CHANGED']);
    renameSync(file('start.png'), file('elsewhere.png'));
    const lost = await reproduce(file('in.png'), '--out', file('in4.png'));
    expect([lost.status, JSON.parse(lost.stdout).error.code]).toEqual([3, 'PICTURE_NOT_FOUND']);
  });

  test('a LoRA that is not here is named with its hash', async () => {
    mkdirSync(file('alone'));
    const picture = file('alone', 'b.png');
    const how = ['--lora-folder', file('alice'), '--steps', '1', '--out', picture];
    await generate('a cat <lora:alice>', ...how);
    const { fields } = parseInfotext(textOf(picture).parameters);
    const hash = fields['Lora hashes'].split(': ')[1];
    const again = await reproduce(picture, '--out', file('b2.png'));
    const { error } = JSON.parse(again.stdout);
    expect([again.status, error.code]).toEqual([3, 'LORAS_MISSING']);
    expect(error.message).toContain(`alice (hash ${hash})`);
  });

  test('a LoRA of that name with other numbers is said to be one', async () => {
    const checkpoint = openCheckpoint('pretrained/pocket');
    mkdirSync(file('others'));
    writeTestLora(file('others/alice.safetensors'), randomLora(checkpoint, { seed: 77, rank: 4 }));
    const again = await reproduce(
      file('alone/b.png'),
      '--lora-folder',
      file('others'),
      '--out',
      file('b3.png'),
    );
    expect(again.stderr).toContain('holds other numbers');
    expect(JSON.parse(again.stdout)).toMatchObject({ identical: false });
  });
});

describe('pictures of others', () => {
  const withText = (name: string, text: Record<string, string>): string => {
    const data = new Uint8Array(3 * 32 * 32);
    writeFileSync(file(name), encodePng({ width: 32, height: 32, channels: 3, data }, text));
    return file(name);
  };

  test("A1111's text, with a model that is not this one", async () => {
    const parameters =
      'a cat <lora:alice:0.5>\nNegative prompt: dog\nSteps: 2, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6, ' +
      'Seed: 12345678901, Size: 32x32, Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, Clip skip: 2, ' +
      'Unheard of: 3, Version: v1.10.1';
    const picture = withText('forge.png', { parameters });
    const again = await reproduce(picture, '--lora-folder', file('alice'), '--out', file('forge2.png'));
    expect(again.status).toBe(0);
    expect(again.stderr).toMatch(/hash 6ce0161689; pocket has/);
    expect(again.stderr).toContain('Unheard of');
    const made = parseInfotext(textOf(file('forge2.png')).parameters);
    expect(made.prompt).toBe('a cat <lora:alice:0.5>');
    expect(made.fields).toMatchObject({
      ...{
        Steps: '2',
        Sampler: 'DPM++ 2M',
        'Schedule type': 'Karras',
        'CFG scale': '6',
        Seed: '12345678901',
      },
      ...{ Size: '32x32', 'Clip skip': '2', RNG: 'NV' },
    });
  });

  test('--show says what is in a picture and draws nothing', async () => {
    const parameters = 'a cat\nSteps: 2, Sampler: Euler a, CFG scale: 6, Seed: 1, Size: 32x32, Odd: 9';
    const picture = withText('shown.png', { parameters });
    const shown = await reproduce(picture, '--show');
    expect(JSON.parse(shown.stdout)).toMatchObject({
      ...{ program: 'a1111', settings: { prompt: 'a cat', seed: '1', steps: 2 }, other: { Odd: '9' } },
    });
    const asText = await runHere(reproduceCommand(), picture, '--show');
    expect(asText.stdout).toContain('sampler: Euler a');
  });

  test('a sampler that is not here is replaced with a word', async () => {
    const parameters = 'a cat\nSteps: 2, Sampler: DPM adaptive, CFG scale: 6, Seed: 1, Size: 32x32';
    const again = await reproduce(withText('odd.png', { parameters }), '--out', file('odd2.png'));
    expect(again.stderr).toMatch(/DPM adaptive is not here; taken: /);
    expect(again.status).toBe(0);
  });
});

describe('what cannot be reproduced', () => {
  test.each([
    [
      'PICTURE_HAS_NO_TEXT',
      3,
      () => encodePng({ width: 1, height: 1, channels: 3, data: new Uint8Array(3) }),
    ],
    ['PICTURE_FORMAT_UNKNOWN', 3, () => Buffer.from('no picture')],
  ])('%s', async (code, status, bytes) => {
    writeFileSync(file('bad.png'), bytes());
    const outcome = await reproduce(file('bad.png'));
    expect([outcome.status, JSON.parse(outcome.stdout).error.code]).toEqual([status, code]);
  });

  test('nothing is overwritten', async () => {
    const outcome = await reproduce(file('alone/b.png'), '--out', file('a.png'));
    expect([outcome.status, JSON.parse(outcome.stdout).error.code]).toEqual([2, 'OUT_EXISTS']);
  });
});
