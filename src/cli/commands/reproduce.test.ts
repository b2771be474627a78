/** `lora reproduce` as a user calls it: on our own pictures, and on those of other programs. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { runHere } from '../../../test/support/command-line.ts';
import { randomLora, writeTestLora } from '../../../test/support/loras.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { encodePng, readPngText } from '../../files/index.ts';
import { parseInfotext, readPicture } from '../../generation/index.ts';
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

/** The picture with other texts in it. */
async function withTexts(from: string, to: string, texts: Record<string, string>): Promise<string> {
  const { width, height, data } = await readPicture(from);
  writeFileSync(to, encodePng({ width, height, channels: 3, data }, texts));
  return to;
}

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

  describe('by the record alone, without text', () => {
    const out = () => file(`record-${Math.random()}.png`);

    beforeAll(async () => {
      const checkpoint = openCheckpoint('pretrained/pocket');
      for (const [i, name] of ['one', 'two'].entries()) {
        mkdirSync(file('twins', name), { recursive: true });
        const lora = randomLora(checkpoint, { seed: 30 + i, rank: 4 });
        writeTestLora(file('twins', name, 'twin.safetensors'), lora);
      }
      const loras = ['one', 'two'].flatMap(name => [
        '--lora',
        `${file('twins', name, 'twin.safetensors')}:0.7`,
      ]);
      mkdirSync(file('records'));
      const made = await generate(
        'a cat',
        ...loras,
        '--steps',
        '2',
        '--seed',
        '1',
        '--out',
        file('twins.png'),
      );
      expect(made.status).toBe(0);
    });

    test('two LoRAs of one name are two', async () => {
      const { lora_studio } = textOf(file('twins.png'));
      const picture = await withTexts(file('twins.png'), file('records/bare.png'), { lora_studio });
      const again = await reproduce(picture, '--lora-folder', file('twins'), '--out', out());
      expect(JSON.parse(again.stdout)).toMatchObject({ identical: true });
    });

    test('what it names is looked for and never opened by its path', async () => {
      const record = JSON.parse(textOf(file('twins.png')).lora_studio);
      record.settings.loras = [{ name: 'nobody', path: file('bob/bob.safetensors'), strength: 1 }];
      const texts = { lora_studio: JSON.stringify(record) };
      const picture = await withTexts(file('twins.png'), file('records/hostile.png'), texts);
      const again = await reproduce(picture, '--lora-folder', file('alice'), '--out', out());
      expect([again.status, JSON.parse(again.stdout).error.code]).toEqual([3, 'LORAS_MISSING']);
    });
  });

  test('how the base was held is taken from it; options say otherwise', async () => {
    const how = ['--base-weights', 'int8', '--tiled-vae', '--no-mark', '--steps', '2', '--seed', '5'];
    await generate('a cat', ...how, '--out', file('held.png'));
    const { settings } = JSON.parse(textOf(file('held.png')).lora_studio);
    expect(settings).toMatchObject({ baseWeights: 'int8', tiledVae: true });
    const again = await reproduce(file('held.png'), '--out', file('held2.png'));
    expect(JSON.parse(again.stdout)).toMatchObject({ identical: true });
    expect(readFileSync(file('held2.png'))).toEqual(readFileSync(file('held.png')));
    const other = await reproduce(file('held.png'), '--base-weights', 'file', '--out', file('held3.png'));
    expect(JSON.parse(other.stdout)).toMatchObject({ identical: false });
  });

  test('a part that stood in place of its own is to be given again', async () => {
    const part = ['--prediction', 'epsilon'];
    await generate('a cat', ...part, '--steps', '2', '--seed', '5', '--out', file('part.png'));
    const without = await reproduce(file('part.png'), '--out', file('part2.png'));
    expect(without.stderr).toContain('was made with --prediction epsilon: expect another picture');
    expect(JSON.parse(without.stdout)).toMatchObject({ identical: false });
    const again = await reproduce(file('part.png'), ...part, '--out', file('part3.png'));
    expect(again.stderr).not.toContain('expect another');
    expect(JSON.parse(again.stdout)).toMatchObject({ identical: true });
  });

  test('--show says what the record says', async () => {
    await generate('a cat', '--preset', 'comfy', '--steps', '1', '--out', file('comfy.png'));
    const shown = await reproduce(file('comfy.png'), '--show');
    expect(JSON.parse(shown.stdout).settings).toMatchObject({ preset: 'comfy', emphasis: 'comfy' });
  });

  test.each(['--init', '--mask'])('%s is a mistake where there was none', async option => {
    const again = await reproduce(file('p.png'), option, file('p.png'), '--lora-folder', file('bob'));
    expect([again.status, JSON.parse(again.stdout).error.code]).toEqual([2, 'OPTION_NEEDS']);
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
    // Before the LoRA is read and anything drawn.
    expect(again.stderr.indexOf('expect another')).toBeLessThan(again.stderr.indexOf('alice at 0.5'));
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

  const fields = 'Steps: 2, CFG scale: 6, Seed: 1, Size: 32x32';

  test('texts are finished; what a sampler does not know, and a short hash, stop nothing', async () => {
    const prompt = 'a __foo__ {x|y} cat';
    const parameters = `${prompt}\nNegative prompt: <lora:alice:1>\n${fields}, Sampler: DPM++ 2M, Eta: 0.5, Model hash: 7460a6fa`;
    const again = await reproduce(withText('done.png', { parameters }), '--out', file('done2.png'));
    expect(again.status).toBe(0);
    expect(parseInfotext(textOf(file('done2.png')).parameters).prompt).toBe(prompt);
    expect(again.stderr).toContain('eta 0.5 has no effect on DPM++ 2M');
    expect(again.stderr).toContain('<lora:alice:1> in the negative prompt is read as text');
    expect(again.stderr).not.toMatch(/7460a6fa|undefined/);
  });

  test('a mask is asked for', async () => {
    const parameters = `a cat\n${fields}, Sampler: Euler a, Denoising strength: 0.5, Mask blur: 4`;
    const picture = withText('masked.png', { parameters });
    const again = await reproduce(picture, '--init', picture, '--out', file('masked2.png'));
    const { error } = JSON.parse(again.stdout);
    expect([again.status, error.code, error.hint]).toEqual([3, 'PICTURE_NOT_FOUND', 'Give it with --mask.']);
  });

  test('nothing in it reaches the terminal as a command', async () => {
    const parameters = `a \u001b[31mcat <lora:\u001b]0;x\u0007:1>\n${fields}, Sampler: Euler a, Model: \u009b2Jx, \u001bY: 1`;
    const picture = withText('escapes.png', { parameters });
    const [shown, again] = [await runHere(reproduceCommand(), picture, '--show'), await reproduce(picture)];
    expect(JSON.parse(again.stdout).error.code).toBe('LORAS_MISSING');
    expect(shown.stdout.replaceAll('\n', '') + again.stderr.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });

  test('a folder that is not there is said before what is not in it', async () => {
    const parameters = `a cat <lora:nobody:1>\n${fields}, Sampler: Euler a`;
    const again = await reproduce(withText('folder.png', { parameters }), '--lora-folder', file('nowhere'));
    expect(JSON.parse(again.stdout).error.code).toBe('FOLDER_NOT_FOUND');
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
