/** `lora compare` as a user calls it, killed and gone on with. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Outcome, runHere, start } from '../../../test/support/command-line.ts';
import { randomLora, writeTestLora } from '../../../test/support/loras.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { readPngText } from '../../files/index.ts';
import { openCheckpoint } from '../../models/index.ts';
import { compareCommand } from './compare.ts';

const folder = temporaryFolder();
const file = (name: string): string => join(folder, name);

beforeAll(() => {
  const checkpoint = openCheckpoint('pretrained/pocket');
  for (const [i, name] of ['alice-000001', 'alice-000002', 'alice'].entries()) {
    const lora = randomLora(checkpoint, { seed: i, rank: 2 });
    writeTestLora(file(`${name}.safetensors`), { ...lora, metadata: { ss_steps: String(10 * (i + 1)) } });
  }
});

const options = (out: string): string[] => [
  ...['a red car <lora:alice:0.7>', '--lora-folder', folder, '--steps', '3', '--size', '32', '--seed', '5'],
  ...['--x', 'epoch: alice', '--y', 'strength: 0-1 [3]', '--z', 'seed: 1,2', '--out', out],
];

const compare = (...given: string[]): Promise<Outcome> => runHere(compareCommand(), ...given);

/** Files of a folder with the hashes of their bytes; other processes' leftovers among them. */
function contents(out: string): Map<string, string> {
  const entries = readdirSync(out, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
  const paths = entries.map(entry => join(entry.parentPath, entry.name)).sort();
  return new Map(
    paths.map(path => [
      path.slice(out.length),
      createHash('sha256').update(readFileSync(path)).digest('hex'),
    ]),
  );
}

describe('a grid', () => {
  const out = file('grid');
  let result: Outcome;
  let json: {
    sheets: string[];
    drawn: number;
    axes: { title: string }[];
    cells: { at: number[]; values: Record<string, string>; file: string }[];
    pictures: { id: string; file: string; settings: { seed: number; loras: { name: string }[] } }[];
  };
  beforeAll(async () => {
    result = await compare(...options(out), '--json');
    expect(result.status, result.stderr).toBe(0);
    json = JSON.parse(result.stdout);
  }, 180_000);

  test('says before the start what it draws', () =>
    expect(result.stderr).toContain('3 × 3 × 2 = 18 cells on 2 sheets; 18 pictures'));

  test('the result names sheets, cells and settings', () => {
    expect(json.sheets).toEqual([join(out, 'sheet_seed-1.png'), join(out, 'sheet_seed-2.png')]);
    expect([json.drawn, json.cells.length, json.pictures.length]).toEqual([18, 18, 18]);
    expect(json.axes.map(({ title }) => title)).toEqual(['epoch', 'strength', 'seed']);
    expect(json.cells[4].values).toEqual({ epoch: 'epoch 2', strength: '0.5', seed: '1' });
    const { settings } = json.pictures.find(({ file }) => file === json.cells[4].file) ?? json.pictures[0];
    expect(settings).toMatchObject({ seed: 1, loras: [{ name: 'alice-000002', strength: 0.5 }] });
  });

  test('each picture says how it was made', () => {
    const text = readPngText(readFileSync(json.cells[4].file)).parameters;
    expect(text).toMatch(/^a red car <lora:alice-000002:0\.5>\n/);
    expect(text).toMatch(/Steps: 3, .*Seed: 1, Size: 32x32/);
  });

  test('a strength of 0 is the base, whatever the epoch; others differ', async () => {
    const pixels = (cell: number) => sharp(json.cells[cell].file).raw().toBuffer();
    const [first, second, weak, strong] = await Promise.all([0, 1, 3, 4].map(pixels));
    expect(first.equals(second)).toBe(true);
    expect(weak.equals(strong)).toBe(false);
  });

  test('drawn again, nothing is; with one value more, that', async () => {
    const before = contents(out);
    const again = JSON.parse((await compare(...options(out), '--json')).stdout);
    expect(again.drawn).toBe(0);
    expect(contents(out)).toEqual(before);
    const more = options(out).map(option => (option === 'seed: 1,2' ? 'seed: 1-3' : option));
    const extended = JSON.parse((await compare(...more, '--json')).stdout);
    expect([extended.drawn, extended.sheets.length]).toEqual([9, 3]);
  });
});

describe('axes of options, drawn', () => {
  const plain = file('plain.png');
  beforeAll(async () => {
    const background = { r: 200, g: 60, b: 40 };
    await sharp({ create: { width: 32, height: 32, channels: 3, background } })
      .png()
      .toFile(plain);
  });

  interface Settings {
    readonly [key: string]: unknown;
    readonly variation?: { readonly seed: number; readonly strength: number };
    readonly init?: { readonly strength: number };
    readonly hires?: { readonly strength: number; readonly steps: number; readonly upscaler: string };
  }
  const multistep = ['--sampler', 'DPM++ 2M'];

  test.each<[string[], (settings: Settings) => unknown, unknown[]]>([
    [
      ['--x', 'variation strength: 0-1 [3]', '--y', 'variation seed: 8'],
      ({ variation }) => variation?.strength,
      [undefined, 0.5, 1],
    ],
    [['--x', 'denoising: 0.4, 0.8', '--init', plain], ({ init }) => init?.strength, [0.4, 0.8]],
    [['--x', 'denoising: 0.4, 0.8', '--hires', '2'], ({ hires }) => hires?.strength, [0.4, 0.8]],
    [['--x', 'hires steps: 1, 3', '--hires', '2'], ({ hires }) => hires?.steps, [1, 3]],
    [['--x', 'steps: 2, 3', '--hires', '2'], ({ hires }) => hires?.steps, [2, 3]],
    [
      ['--x', 'hires upscaler: Latent, Lanczos', '--hires-size', '48x64'],
      ({ hires }) => hires?.upscaler,
      ['latent', 'lanczos'],
    ],
    [
      ['--x', 'preset: lora, a1111, comfy, diffusers', ...multistep],
      ({ scheduler, noise, emphasis }) => [scheduler, noise, emphasis].join(' '),
      ['Karras cpu a1111', 'Karras philox a1111', 'Automatic cpu comfy', 'Automatic cpu none'],
    ],
    [
      ['--x', 'preset: a1111, comfy', '--noise', 'philox', ...multistep, '--scheduler', 'Exponential'],
      ({ scheduler, noise }) => [scheduler, noise].join(' '),
      ['Exponential philox', 'Exponential philox'],
    ],
    [['--x', 'noise: cpu, philox'], ({ noise }) => noise, ['cpu', 'philox']],
    [['--x', 'emphasis: a1111, comfy, none'], ({ emphasis }) => emphasis, ['a1111', 'comfy', 'none']],
  ])(
    '%j',
    async (given, show, expected) => {
      const out = join(temporaryFolder(), 'grid');
      const prompt = 'a (red:1.4) car in the snow';
      const usual = ['--steps', '2', '--size', '32', '--seed', '5', '--out', out, '--json'];
      const { status, stdout, stderr } = await compare(prompt, ...usual, ...given);
      expect(status, stderr + stdout).toBe(0);
      const { cells, pictures } = JSON.parse(stdout);
      const settingsOf = (cell: { file: string }): Settings =>
        pictures.find(({ file }: { file: string }) => file === cell.file).settings;
      expect(cells.map(settingsOf).map(show)).toEqual(expected);
      // Each value is another picture.
      const bytes: Buffer[] = await Promise.all(
        cells.map(({ file }: { file: string }) => sharp(file).raw().toBuffer()),
      );
      expect(new Set(bytes.map(data => data.toString('base64'))).size).toBe(expected.length);
    },
    60_000,
  );
});

test('killed twice and gone on with: the same bytes as without', async () => {
  const [whole, killed] = [file('whole'), file('killed')];
  const uninterrupted = await compare(...options(whole));
  expect(uninterrupted.status, uninterrupted.stderr).toBe(0);
  const pictures = join(killed, 'pictures');
  const count = (): number =>
    existsSync(pictures) ? readdirSync(pictures).filter(name => name.endsWith('.png')).length : 0;
  for (const most of [2, 9]) {
    const running = start(['compare', ...options(killed)]);
    while (count() < most && running.process.exitCode === null)
      await new Promise(done => setTimeout(done, 5));
    running.process.kill('SIGKILL');
    await running.outcome;
    expect(count()).toBeGreaterThanOrEqual(most);
    expect(count()).toBeLessThan(18);
  }
  const { status, stderr } = await start(['compare', ...options(killed)]).outcome;
  expect(status, stderr).toBe(0);
  expect(stderr).toMatch(/18 pictures; (9|1\d) are there already/);
  const files = contents(killed);
  for (const name of files.keys()) if (/\.tmp$/.test(name)) files.delete(name);
  expect(files).toEqual(contents(whole));
}, 180_000);

test('Ctrl-C keeps what is finished, with a sheet of it', async () => {
  const out = file('stopped');
  const running = start(['compare', ...options(out).map(option => (option === '3' ? '40' : option))]);
  await running.seen('about'); // the first picture is there
  running.process.kill('SIGINT');
  const { status, stderr } = await running.outcome;
  expect(status).toBe(130);
  expect(stderr).toMatch(/INTERRUPTED: interrupted: \d+ of 18 pictures are in .*stopped/);
  const there = readdirSync(join(out, 'pictures')).length;
  expect(stderr).toContain(`${there} of 18`);
  expect(there).toBeGreaterThan(0);
  expect(there).toBeLessThan(18);
  expect(readPngText(readFileSync(join(out, 'sheet_seed-1.png')))).toBeDefined();
  expect(existsSync(join(out, 'grid.json.lock'))).toBe(false);
}, 180_000);

describe('refused, with the exit code of its kind', () => {
  const wrong = async (...given: string[]): Promise<[number, string]> => {
    const { status, stdout } = await compare('a cat', '--out', file('never'), '--json', ...given);
    const { error } = JSON.parse(stdout);
    return [status, `${error.code}: ${error.message}`];
  };
  test.each<[string, string[], number, RegExp]>([
    ['no axis', [], 2, /COMPARE_NO_AXES/],
    ['an unknown axis', ['--x', 'sead: 1'], 2, /COMPARE_AXIS_UNKNOWN/],
    ['an empty list', ['--y', 'seed: '], 2, /--y seed has no values/],
    ['10⁶ pictures', ['--x', 'seed: 1-1000', '--y', 'steps: 1-1000'], 2, /1,000,000 pictures/],
    ['a missing LoRA', ['--x', 'lora: nobody-of-that-name'], 3, /LORA_NOT_FOUND/],
    ['a bad seed', ['--x', 'steps: 1', '--seed', '1.5'], 2, /SEED_INVALID|OPTION/],
    ['a size', ['--x', 'size: 60x64'], 2, /value 1, "60x64", does not have sides/],
  ])('%s', async (_, given, status, expected) => {
    const [exit, message] = await wrong(...given);
    expect(message).toMatch(expected);
    expect(exit).toBe(status);
    expect(existsSync(file('never'))).toBe(false);
  });

  test('a file in the way of the folder', async () => {
    writeFileSync(file('taken'), 'mine');
    const { status, stdout } = await compare('a cat', '--x', 'seed: 1', '--out', file('taken'), '--json');
    expect([status, JSON.parse(stdout).error.code]).toEqual([1, 'WRITE_NO_FOLDER']);
    expect(readFileSync(file('taken'), 'utf8')).toBe('mine');
  });
});
