import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runHere } from '../../test/support/command-line.ts';
import { pictureFolder, temporaryFolder } from '../../test/support/pictures.ts';
import { trainCommand } from './commands/train.ts';

const folder = pictureFolder(3);
const train = (...words: string[]) => runHere(trainCommand(), ...words);

interface Row {
  readonly field: string;
  readonly value: unknown;
  readonly why: string;
}
async function explained(...words: string[]): Promise<Map<string, Row>> {
  const { status, stdout, stderr } = await train(...words, '--explain', '--json');
  expect(status, stderr).toBe(0);
  const { fields } = JSON.parse(stdout) as { fields: Row[] };
  return new Map(fields.map(row => [row.field, row]));
}

test('--explain names every value and where it comes from, and trains nothing', async () => {
  const path = join(temporaryFolder(), 'r.toml');
  writeFileSync(path, 'rank = 4\ncaption_dropout = 0.2\n');
  const rows = await explained(folder, '--recipe', path, '--goal', 'object', '--lr', '5e-4');
  expect(rows.get('rank')).toMatchObject({ value: 4, why: `${path} line 1` });
  expect(rows.get('captionDropout')).toMatchObject({ value: 0.2, why: `${path} line 2` });
  expect(rows.get('learningRate')).toMatchObject({ value: 5e-4, why: '--lr' });
  expect(rows.get('steps')?.why).toMatch(/^goal object: about \d+ looks at each of 3 different pictures$/);
  expect(rows.get('dropout')?.why).toBe('default');
  expect(existsSync(`${folder}.safetensors`)).toBe(false);
});

test('--write-recipe writes what --recipe reads back as the same, and replaces nothing', async () => {
  const path = join(temporaryFolder(), 'whole.toml');
  const words = [
    folder,
    '--goal',
    'style',
    '--optimizer',
    'prodigy',
    '--optimizer-option',
    'dCoef=2',
    '--set',
    'block:mid: rank=2',
  ];
  expect((await train(...words, '--write-recipe', path)).status).toBe(0);
  const [before, after] = [await explained(...words), await explained(folder, '--recipe', path)];
  for (const [field, { value }] of before) expect(after.get(field)?.value, field).toEqual(value);
  const text = readFileSync(path, 'utf8');
  expect(text).toMatch(/# how much a layer can learn.* \[goal style: .*\]\nrank = 16/);
  const again = await train(...words, '--write-recipe', path);
  expect(again).toMatchObject({ status: 1, stderr: expect.stringContaining('WRITE_EXISTS') });
  expect(readFileSync(path, 'utf8')).toBe(text);
});

test('--epochs counts the pictures', async () => {
  const rows = await explained(folder, '--epochs', '4', '--batch', '2', '--repeats', '3');
  expect(rows.get('steps')).toMatchObject({ value: 4 * 5, why: '4 epochs of 5 steps' });
  const chosen = await explained(folder, '--epochs', '2', '--goal', 'object', '--batch', '1');
  expect(chosen.get('repeats')?.value).toBe(40);
  expect(chosen.get('steps')?.value).toBe(2 * 3 * 40);
});

describe('kohya', () => {
  const words = [
    '--pretrained_model_name_or_path',
    'pretrained/pocket',
    '--train_data_dir',
    folder,
    '--resolution',
    '64',
  ];

  test('a pasted command trains what it says, from the folder that it names', async () => {
    const out = join(temporaryFolder(), 'lora');
    const own = [
      '--network_dim',
      '2',
      '--max_train_steps',
      '2',
      '--output_dir',
      out,
      '--output_name',
      'hero',
      '--network_train_unet_only',
    ];
    const { status, stderr, stdout } = await train(
      '--kohya-args',
      `python train_network.py ${[...words, ...own].join(' ')}`,
      '--no-cache',
      '--json',
    );
    expect(status, stderr).toBe(0);
    const { file, recipe } = JSON.parse(stdout) as { file: string; recipe: Record<string, unknown> };
    expect(file).toBe(join(out, 'hero.safetensors'));
    expect(recipe).toMatchObject({
      rank: 2,
      alpha: 1,
      steps: 2,
      batch: 1,
      schedule: 'constant',
      minSnrGamma: 0,
    });
    expect(stderr).toMatch(/hardly anything will be learnt/);
  });

  test('options win over it; explanations name its arguments', async () => {
    const rows = await explained('--kohya-args', [...words, '--network_dim', '8'].join(' '), '--alpha', '4');
    expect(rows.get('rank')).toMatchObject({ value: 8, why: 'sd-scripts’ network_dim' });
    expect(rows.get('alpha')).toMatchObject({ value: 4, why: '--alpha' });
    expect(rows.get('batch')).toMatchObject({ value: 1, why: 'sd-scripts’ default of train_batch_size' });
  });

  test('what cannot be honoured is refused, or told', async () => {
    const text = [...words, '--clip_skip', '2'].join(' ');
    const refused = await train('--kohya-args', text, '--explain');
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining('KOHYA_UNSUPPORTED') });
    const told = await train('--kohya-args', text, '--explain', '--ignore-unsupported');
    expect(told).toMatchObject({ status: 0, stderr: expect.stringContaining('clip_skip 2 left out') });
  });
});

test.each([
  [['--epochs', '2', '--steps', '3'], 'OPTIONS_CLASH'],
  [['--epochs', '0'], 'OPTION_INVALID'],
  [['--goal', 'portrait'], 'OPTION_INVALID'],
  [['--ignore-unsupported'], 'OPTIONS_CLASH'],
  [['--kohya', 'a.toml', '--kohya-args', 'x'], 'OPTIONS_CLASH'],
])('%j is refused', async (words, code) => {
  expect(await train(folder, ...words)).toMatchObject({
    status: 2,
    stderr: expect.stringContaining(`error ${code}`),
  });
});

test('no folder at all', async () => {
  expect(await train('--explain')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('DATASET_NO_SOURCE'),
  });
});
