/** `lora generate` and `lora inspect` as a user calls them. */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { randomLora, writeTestLora } from '../../../test/support/loras.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { readPngText } from '../../files/index.ts';
import { parseInfotext } from '../../generation/index.ts';
import { openCheckpoint } from '../../models/index.ts';
import { version } from '../../version.ts';

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function lora(...options: string[]): Promise<Outcome> {
  return new Promise(resolve => {
    execFile(process.execPath, ['bin/lora.js', ...options], (error, stdout, stderr) => {
      resolve({ status: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

const folder = temporaryFolder();
const loras = join(folder, 'loras');
const file = (name: string): string => join(folder, name);
const prompt = 'a red car <lora:styles/alice:0.5> at night';
const options = [
  ...['--lora-folder', loras, '--lora', join(loras, 'bob.safetensors:-0.25')],
  ...['--negative', 'snow, rain', '--sampler', 'DPM++ 2M', '--steps', '2', '--guidance', '3'],
  ...['--size', '32x40'],
];

beforeAll(() => {
  const checkpoint = openCheckpoint('pretrained/pocket');
  mkdirSync(join(loras, 'styles'), { recursive: true });
  writeTestLora(join(loras, 'styles/alice.safetensors'), randomLora(checkpoint, { seed: 1, rank: 4 }));
  writeTestLora(join(loras, 'bob.safetensors'), randomLora(checkpoint, { seed: 2, rank: 2 }));
});

/** First 12 digits of the sha256 of what follows the header. */
function shortHash(path: string): string {
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  return createHash('sha256').update(bytes.subarray(start)).digest('hex').slice(0, 12);
}

describe('generate', () => {
  let result: Outcome;
  beforeAll(async () => {
    const given = [
      '--seed',
      '4294967300',
      '--count',
      '2',
      '--batch',
      '2',
      '--out',
      file('both.png'),
      '--json',
    ];
    result = await lora('generate', prompt, ...options, ...given);
  });

  test('--json is one object on stdout; everything else is on stderr', () => {
    expect(result.status, result.stderr).toBe(0);
    const json = JSON.parse(result.stdout);
    expect(json).toMatchObject({
      files: [file('both-0001.png'), file('both-0002.png')],
      seeds: [4294967300, 4294967301],
      loras: [{ strength: -0.25 }, { strength: 0.5 }],
    });
    expect(json.loras[1].report.skipped).toEqual([]);
    expect(json.firstStepSeconds).toBeGreaterThan(0);
    expect(json.firstStepSeconds).toBeLessThan(json.seconds);
    expect(result.stderr).toMatch(/alice at 0\.5: .*UNet/);
  });

  test('the picture says how it was made, in A1111’s words and order', async () => {
    const text = readPngText(readFileSync(file('both-0002.png'))).parameters;
    const modelHash = createHash('sha256')
      .update(readFileSync('pretrained/pocket/unet/diffusion_pytorch_model.safetensors'))
      .digest('hex')
      .slice(0, 10);
    const [bobHash, aliceHash] = ['bob', 'styles/alice'].map(name =>
      shortHash(join(loras, `${name}.safetensors`)),
    );
    const hashes = `bob: ${bobHash}, styles/alice: ${aliceHash}`;
    const all = JSON.stringify({ model: modelHash, 'lora:bob': bobHash, 'lora:styles/alice': aliceHash });
    expect(text).toBe(
      `${prompt} <lora:bob:-0.25>\nNegative prompt: snow, rain\n` +
        'Steps: 2, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 3, Seed: 4294967301, Size: 32x40, ' +
        `Model hash: ${modelHash}, Model: pocket, RNG: CPU, Lora hashes: "${hashes}", Version: lora-studio ${version}, Hashes: ${all}`,
    );
    const { fields } = parseInfotext(text);
    expect(fields['Lora hashes']).toBe(hashes);
    const { width, height } = await sharp(file('both-0002.png')).metadata();
    expect(`${width}x${height}`).toBe(fields.Size);
  });

  test('picture i of a batch is the same file as that seed alone; merged pictures agree', async () => {
    const pixels = (name: string) => sharp(file(name)).raw().toBuffer();
    const seed = ['--seed', '4294967301'];
    const alone = await lora('generate', prompt, ...options, ...seed, '--out', file('alone.png'));
    expect(alone.status, alone.stderr).toBe(0);
    expect(readFileSync(file('alone.png'))).toEqual(readFileSync(file('both-0002.png')));
    const merged = await lora(
      'generate',
      prompt,
      ...options,
      ...seed,
      '--merge',
      '--out',
      file('merged.png'),
    );
    expect(merged.status, merged.stderr).toBe(0);
    const [a, b, other] = await Promise.all(['alone.png', 'merged.png', 'both-0001.png'].map(pixels));
    const farthest = (x: Buffer, y: Buffer): number =>
      Math.max(...x.map((value, i) => Math.abs(value - y[i])));
    expect(farthest(a, b)).toBeLessThanOrEqual(1); // a value on the edge between two levels
    expect(farthest(a, other)).toBeGreaterThan(1);
  }, 180_000);

  test.each([
    ['SIZE_INVALID', ['--size', '9000x64']],
    ['SEED_INVALID', ['--seed', '18446744073709551616']],
    ['LORA_NOT_FOUND', ['--lora', 'alise']],
  ])('%s, and no folder is made', async (code, wrong) => {
    const out = file('never/made');
    const outcome = await lora('generate', prompt, '--lora-folder', loras, '--out', out, ...wrong, '--json');
    expect(JSON.parse(outcome.stdout)).toMatchObject({ error: { code } });
    expect(existsSync(file('never'))).toBe(false);
  });

  test('a folder is filled with the next numbers; what is in it stays', async () => {
    const out = file('v1.5'); // an ending that is none, because it is a folder
    mkdirSync(out);
    writeFileSync(join(out, '00007-1.png'), 'precious');
    const outcome = await lora(
      'generate',
      'a cat',
      '--steps',
      '1',
      '--seed',
      '3',
      '--size',
      '32',
      '--out',
      out,
    );
    expect(outcome.status, outcome.stderr).toBe(0);
    expect(readdirSync(out).sort()).toEqual(['00007-1.png', '00008-3.png']);
    expect(readFileSync(join(out, '00007-1.png'), 'utf8')).toBe('precious');
  });
});

test('Ctrl-C ends between two steps with 130 and leaves nothing behind', async () => {
  const out = join(temporaryFolder(), 'a.png');
  const given = ['generate', 'a cat', '--steps', '1000', '--size', '32', '--out', out];
  const child = spawn(process.execPath, ['bin/lora.js', ...given], { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr.once('data', () => child.kill('SIGINT')); // the first step was said
  const status = await new Promise(resolve => child.once('exit', resolve));
  expect(status).toBe(130);
  expect(readdirSync(dirname(out))).toEqual([]);
});

test('inspect: a folder with a broken file tells both, and ends with the error’s code', async () => {
  writeFileSync(join(loras, 'zbroken.safetensors'), 'not a LoRA');
  const { status, stdout, stderr } = await lora('inspect', loras, '--json');
  expect(status).toBe(3);
  const { loras: found, duplicates } = JSON.parse(stdout);
  const [bob, broken] = found;
  const kinds = bob.kinds.map(({ kind }: { kind: string }) => kind);
  expect(bob).toMatchObject({ ranks: [2], alphas: [1], family: 'pocket' });
  expect([kinds.sort(), duplicates]).toEqual([['LoCon', 'LoRA'], []]);
  expect(broken).toEqual({
    path: join(loras, 'zbroken.safetensors'),
    error: expect.objectContaining({ code: expect.stringMatching(/^FORMAT_/) }),
  });
  expect(stderr).toContain(broken.error.code);
});

test('a file of prompts in one batch: each picture has the LoRAs that its text names', async () => {
  const prompts = ['a cat <lora:alice:0.8>', 'a cat <lora:bob:0.6>', 'a cat'];
  writeFileSync(file('prompts.txt'), prompts.join('\n'));
  const how = ['--lora-folder', loras, '--seed', '9', '--steps', '3', '--size', '32x32', '--json'];
  const together = await lora(
    'generate',
    '--prompts',
    file('prompts.txt'),
    ...how,
    '--batch',
    '3',
    '--out',
    file('each.png'),
  );
  expect(together.status).toBe(0);
  const { files } = JSON.parse(together.stdout);
  const pixels = (path: string): Promise<Buffer> => sharp(path).raw().toBuffer();
  const drawn = await Promise.all(files.map(pixels));
  for (const [i, prompt] of prompts.entries()) {
    const alone = await lora('generate', prompt, ...how, '--out', file(`alone-${i}.png`));
    const [path] = JSON.parse(alone.stdout).files;
    const levels = (await pixels(path)).map((level, at) => Math.abs(level - drawn[i][at]));
    expect(Math.max(...levels)).toBeLessThanOrEqual(1); // ranks side by side: sums in another order
    const text = (from: string) => parseInfotext(readPngText(readFileSync(from)).parameters);
    expect(text(files[i])).toEqual(text(path));
    expect(text(files[i]).fields['Lora hashes']).toEqual(
      i < 2 ? expect.stringMatching(/^(alice|bob): /) : undefined,
    );
  }
  expect(drawn[0].equals(drawn[2])).toBe(false);
});
