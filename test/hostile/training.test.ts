/**
 * What other trainers do with the wrong input (NaN trained and saved, one bad picture found after minutes, exit code 0 on
 * "no data", a caption ignored), asked of this one: a clear message, a safe run, nothing half-written.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { trainCommand } from '../../src/cli/commands/train.ts';
import {
  floatTensorBytes,
  openSafetensors,
  readTensor,
  serializeSafetensors,
} from '../../src/files/index.ts';
import { writeLora } from '../../src/lora/index.ts';
import { openCheckpoint } from '../../src/models/index.ts';
import { type Outcome, runHere } from '../support/command-line.ts';
import { randomLora } from '../support/loras.ts';
import { pictureFolder, stripes, temporaryFolder } from '../support/pictures.ts';

vi.setConfig({ testTimeout: 120_000 });

const quick = [
  '--steps',
  '2',
  '--batch',
  '1',
  '--rank',
  '2',
  '--targets',
  'mid_block*attn2.to_v',
  '--no-cache',
];
const out = (): string => join(temporaryFolder(), 'x.safetensors');
const train = (...options: string[]): Promise<Outcome> => runHere(trainCommand(), ...options, ...quick);

interface Trained {
  readonly file: string;
  readonly outcome: Outcome;
  /** What --json says. */
  readonly facts: {
    readonly finished: boolean;
    readonly pictures: number;
    readonly skipped: readonly { readonly path: string; readonly code: string }[];
    readonly warnings: readonly { readonly code: string; readonly message: string }[];
  };
}

async function trained(...options: string[]): Promise<Trained> {
  const file = out();
  const outcome = await train(...options, '--out', file, '--json');
  expect(outcome.status, outcome.stderr).toBe(0);
  return { file, outcome, facts: JSON.parse(outcome.stdout) };
}

/** The run is refused with this code, says these words, and leaves nothing. */
async function refused(status: number, code: string, words: readonly string[], ...options: string[]) {
  const file = out();
  const outcome = await train(...options, '--out', file);
  expect(outcome.stderr).toContain(`error ${code}`);
  expect(outcome.status).toBe(status);
  for (const word of words) expect(outcome.stderr).toContain(word);
  expect(readdirSync(join(file, '..'))).toEqual([]);
}

const put = (folder: string, name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

describe('what sd-scripts, diffusers and stable-diffusion.cpp do in silence', () => {
  test('NaN in one weight of the base: it is named before anything is trained', async () => {
    const base = join(temporaryFolder(), 'base');
    cpSync('pretrained/pocket', base, { recursive: true });
    const path = join(base, 'unet', 'diffusion_pytorch_model.safetensors');
    const file = openSafetensors(path);
    const broken = 'mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight';
    const entries = [...file.tensors.keys()].map(name => {
      const { shape, data } = readTensor(file, name);
      if (name === broken) data[3] = Number.NaN;
      return { name, dtype: 'float16' as const, shape, bytes: floatTensorBytes({ shape, data }, 'float16') };
    });
    writeFileSync(path, serializeSafetensors(entries, file.metadata));
    await refused(3, 'CHECKPOINT_NOT_FINITE', [broken, 'NaN'], pictureFolder(2), '--base', base);
  });

  test('NaN in the LoRA that is gone on from', async () => {
    const path = join(temporaryFolder(), 'nan.safetensors');
    const lora = randomLora(openCheckpoint('pretrained/pocket'), {
      seed: 1,
      rank: 2,
      targets: /attn2\.to_v/,
    });
    await writeLora(path, lora, { dtype: 'float32' });
    const file = openSafetensors(path);
    const entries = [...file.tensors.keys()].map((name, i) => {
      const { shape, data } = readTensor(file, name);
      if (i === 1) data[0] = Number.NaN;
      return { name, dtype: 'float32' as const, shape, bytes: floatTensorBytes({ shape, data }, 'float32') };
    });
    writeFileSync(path, serializeSafetensors(entries, file.metadata));
    const file2 = out();
    const plain = ['--steps', '1', '--batch', '1', '--no-cache'];
    const { status, stderr } = await runHere(
      trainCommand(),
      ...[pictureFolder(2), '--out', file2, '--continue', path, ...plain],
    );
    expect(stderr).toContain('error LORA_NOT_FINITE');
    expect(status).toBe(3);
    expect(readdirSync(join(file2, '..'))).toEqual([]);
  });

  test('a truncated LoRA that is gone on from is refused before pictures are read', async () => {
    const path = join(temporaryFolder(), 'cut.safetensors');
    const lora = randomLora(openCheckpoint('pretrained/pocket'), {
      seed: 1,
      rank: 2,
      targets: /attn2\.to_v/,
    });
    await writeLora(path, lora, { dtype: 'float32' });
    writeFileSync(path, readFileSync(path).subarray(0, 700));
    const plain = ['--steps', '1', '--batch', '1', '--no-cache'];
    const folder = pictureFolder(2);
    const { status, stderr } = await runHere(
      trainCommand(),
      folder,
      '--out',
      out(),
      '--continue',
      path,
      ...plain,
    );
    expect(stderr).toContain('error FORMAT_TRUNCATED');
    expect(stderr).not.toContain('reading pictures');
    expect(status).toBe(3);
  });

  test('a truncated picture and a text named .png among good ones: left out by name, at once', async () => {
    const folder = pictureFolder(2);
    const cut = put(folder, 'cut.png', stripes(64, 64, 9).subarray(0, 120));
    const text = put(folder, 'text.png', 'this is not a picture');
    const { facts, outcome } = await trained(folder);
    expect(facts.pictures).toBe(2);
    expect(facts.skipped.map(({ path }) => path).sort()).toEqual([cut, text].sort());
    expect(outcome.stderr).toContain('cut.png');
  });

  test('no pictures: exit code 3, not 0', () => refused(3, 'DATASET_EMPTY', [], temporaryFolder()));

  test('pictures without captions: it is said for each, and the run goes on', async () => {
    const folder = temporaryFolder();
    for (const i of [1, 2]) put(folder, `${i}.png`, stripes(64, 64, i));
    const { facts } = await trained(folder);
    expect(facts.warnings.filter(({ code }) => code === 'CAPTION_MISSING')).toHaveLength(2);
  });

  test('a folder whose name is not kohya’s is trained on all the same', async () => {
    const { facts } = await trained(pictureFolder(3));
    expect(facts.pictures).toBe(3);
  });
});

describe('pictures', () => {
  test('only broken ones', async () => {
    const folder = temporaryFolder();
    put(folder, 'a.png', stripes(64, 64, 1).subarray(0, 120));
    put(folder, 'b.jpg', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0));
    put(folder, 'c.webp', '');
    await refused(3, 'DATASET_NO_READABLE', ['a.png', 'b.jpg', 'c.webp'], folder);
  });

  test('one picture: it is trained on, with a warning of what that means', async () => {
    const { facts } = await trained(pictureFolder(1));
    expect(facts.warnings.map(({ code }) => code)).toContain('DATASET_ONE_PICTURE');
  });

  test('1×1 and 30000×30000 are left out, and the large one is not decoded', async () => {
    const folder = pictureFolder(2);
    put(folder, 'dot.png', stripes(1, 1, 1));
    const huge = { create: { width: 30_000, height: 30_000, channels: 3 as const, background: '#888' } };
    writeFileSync(
      join(folder, 'huge.png'),
      await sharp({ ...huge, limitInputPixels: false })
        .png()
        .toBuffer(),
    );
    const before = process.memoryUsage().rss;
    const { facts } = await trained(folder);
    const codes = Object.fromEntries(
      facts.skipped.map(({ path, code }) => [path.slice(folder.length + 1), code]),
    );
    expect(codes).toEqual({ 'dot.png': 'PICTURE_TOO_SMALL', 'huge.png': 'PICTURE_TOO_LARGE' });
    // Decoded it would be 2.7 GB.
    expect(process.memoryUsage().rss - before).toBeLessThan(1.2e9);
  });

  test('a picture that unpacks to much more than it is (a bomb)', async () => {
    const folder = pictureFolder(2);
    const flat = { create: { width: 20_000, height: 20_000, channels: 3 as const, background: '#fff' } };
    writeFileSync(
      join(folder, 'bomb.png'),
      await sharp({ ...flat, limitInputPixels: false })
        .png()
        .toBuffer(),
    );
    expect((await trained(folder)).facts.skipped).toMatchObject([{ code: 'PICTURE_TOO_LARGE' }]);
  });

  test('names in any script, with spaces, quotes, emoji, and a leading dash', async () => {
    const folder = temporaryFolder();
    const names = ['猫', 'кошка', 'قطة', 'é́', 'it\'s "a" cat', '🐈', '-rf', 'a\tb', 'x'.repeat(200)];
    for (const [i, name] of names.entries()) {
      put(folder, `${name}.png`, stripes(64, 64, i));
      put(folder, `${name}.txt`, `stripes ${i}`);
    }
    const { facts } = await trained(folder);
    expect(facts.pictures).toBe(names.length);
    expect(facts.warnings.filter(({ code }) => code !== 'RECIPE_ADVICE')).toEqual([]);
  });

  test.skipIf(process.getuid?.() === 0)('a picture that may not be read', async () => {
    const folder = pictureFolder(2);
    chmodSync(put(folder, 'secret.png', stripes(64, 64, 3)), 0);
    expect((await trained(folder)).facts.skipped).toMatchObject([{ code: 'FILE_UNREADABLE' }]);
  });

  test('a folder named like a picture, a dangling link, a pipe', async () => {
    const folder = pictureFolder(2);
    mkdirSync(join(folder, 'inside.png'));
    copyFileSync(join(folder, '0.png'), join(folder, 'inside.png', 'deep.png'));
    const { facts } = await trained(folder);
    expect(facts.pictures).toBe(3);
  });
});

describe('captions', () => {
  test('of 100 kB: it is no caption', async () => {
    const folder = pictureFolder(2);
    const path = put(folder, '0.txt', 'word '.repeat(20_000));
    await refused(3, 'CAPTION_TOO_LARGE', [path], folder);
  });

  test('binary', async () => {
    const folder = pictureFolder(2);
    const path = put(folder, '0.txt', Uint8Array.of(1, 2, 0, 3, 4));
    await refused(3, 'CAPTION_BINARY', [path], folder);
  });

  test('longer than the text encoder reads: what is not read is said', async () => {
    const folder = pictureFolder(2);
    put(folder, '0.txt', `stripes ${'red and blue and green '.repeat(60)}end`);
    const { facts } = await trained(folder);
    expect(
      facts.warnings.filter(({ code }) => code === 'CAPTION_TRUNCATED').map(({ message }) => message),
    ).toEqual([expect.stringContaining('end')]);
  });

  test('two pictures with one caption file between them: both have it', async () => {
    const folder = temporaryFolder();
    put(folder, 'a.png', stripes(64, 64, 1));
    const jpeg = await sharp(Buffer.from(stripes(64, 64, 2)))
      .jpeg()
      .toBuffer();
    put(folder, 'a.jpg', jpeg);
    put(folder, 'a.txt', 'stripes');
    const { facts } = await trained(folder);
    expect(facts.pictures).toBe(2);
    expect(facts.warnings.filter(({ code }) => code === 'CAPTION_MISSING')).toEqual([]);
  });
});

describe('recipes', () => {
  const recipe = (text: string, name = 'recipe.toml'): string => put(temporaryFolder(), name, text);

  test.each([
    ['a typo', 'learningRat = 1e-4', ['learningRat', 'learningRate']],
    ['several faults, all told at once', 'stepz = 3\nrank = "many"', ['stepz', 'steps', 'rank']],
    ['a rate above 10', 'learningRate = 10.5', ['learningRate']],
    ['a rate of 10', 'learningRate = 10', ['learningRate', 'usual']],
    ['a rate that is no number', 'learningRate = nan', ['learningRate']],
    ['steps below zero', 'steps = -1', ['steps']],
  ])('%s', async (_, text, words) => {
    await refused(2, 'RECIPE_INVALID', words, pictureFolder(2), '--recipe', recipe(text));
  });

  test('a rank larger than a layer', async () => {
    const file = out();
    const { status, stderr } = await runHere(
      trainCommand(),
      pictureFolder(2),
      '--out',
      file,
      '--rank',
      '4000',
    );
    expect(stderr).toContain('error RANK_TOO_LARGE');
    expect(status).toBe(2);
  });

  test('a batch larger than the set: every picture is trained on', async () => {
    const file = out();
    const folder = pictureFolder(2);
    const few = [
      '--steps',
      '2',
      '--batch',
      '8',
      '--rank',
      '2',
      '--targets',
      'mid_block*attn2.to_v',
      '--no-cache',
    ];
    const { status, stderr, stdout } = await runHere(trainCommand(), folder, '--out', file, '--json', ...few);
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout).pictures).toBe(2);
    expect(stderr).toMatch(/batch/);
  });
});

describe('a rate so large that numbers leave their range', () => {
  afterEach(() => vi.restoreAllMocks());

  test('the run ends with what went wrong, or a LoRA of finite numbers', async () => {
    const file = out();
    const wild = [
      '--steps',
      '60',
      '--batch',
      '1',
      '--rank',
      '4',
      '--lr',
      '2',
      '--schedule',
      'constant',
      '--no-cache',
    ];
    const { status, stderr } = await runHere(trainCommand(), pictureFolder(2), '--out', file, ...wild);
    if (existsSync(file)) {
      const opened = openSafetensors(file);
      for (const name of opened.tensors.keys())
        expect(readTensor(opened, name).data.every(Number.isFinite), name).toBe(true);
    } else {
      expect(status).toBe(1);
      expect(stderr).toContain('TRAINING_NOT_FINITE');
    }
  });
});
