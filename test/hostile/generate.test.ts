/**
 * Wrong inputs that people give to `lora generate`: each ends with a stable code, the exit code of its kind, a message
 * that names the thing, and nothing on the disk.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { generateCommand } from '../../src/cli/commands/generate.ts';
import { disk } from '../../src/files/index.ts';
import { openCheckpoint } from '../../src/models/index.ts';
import { type Outcome, runHere, start } from '../support/command-line.ts';
import { randomLora, writeTestLora } from '../support/loras.ts';
import { temporaryFolder } from '../support/pictures.ts';

const folder = temporaryFolder();
const file = (name: string): string => join(folder, name);
const loras = file('loras');
const wildcards = file('wildcards');

const plain = (width: number, height: number, background: string) =>
  sharp({ create: { width, height, channels: 3, background } });

beforeAll(async () => {
  await plain(64, 64, '#88aaff').png().toFile(file('init.png'));
  await plain(64, 64, '#000').png().toFile(file('black.png'));
  await plain(64, 64, '#fff').png().toFile(file('white.png'));
  await plain(30, 64, '#fff').png().toFile(file('narrow.png'));
  writeFileSync(file('cut.png'), readFileSync(file('init.png')).subarray(0, 60));
  writeFileSync(file('text.png'), 'this is not a picture');
  writeFileSync(file('empty.png'), '');
  // 20000×20000 in a few kilobytes of header: refused before it is decoded.
  const huge = Buffer.from(readFileSync(file('init.png')));
  huge.writeUInt32BE(20000, 16);
  huge.writeUInt32BE(20000, 20);
  writeFileSync(file('huge.png'), huge);
  const [red, blue] = [
    await plain(32, 32, '#f00').raw().toBuffer(),
    await plain(32, 32, '#00f').raw().toBuffer(),
  ];
  await sharp(Buffer.concat([red, blue]), { raw: { width: 32, height: 64, channels: 3, pageHeight: 32 } })
    .gif()
    .toFile(file('moving.gif'));
  const pocket = openCheckpoint('pretrained/pocket');
  for (const [i, name] of ['alice', 'a/twin', 'b/twin'].entries()) {
    mkdirSync(dirname(join(loras, name)), { recursive: true });
    writeTestLora(join(loras, `${name}.safetensors`), randomLora(pocket, { seed: i, rank: 2 }));
  }
  mkdirSync(wildcards);
  writeFileSync(join(wildcards, 'colour.txt'), 'red\nblue\n');
  writeFileSync(join(wildcards, 'ping.txt'), '__pong__\n');
  writeFileSync(join(wildcards, 'pong.txt'), '__ping__\n');
  writeFileSync(join(wildcards, 'void.txt'), '\n# nothing\n');
});

function generate(prompt: string, ...options: string[]): Promise<Outcome> {
  const steps = options.includes('--steps') ? [] : ['--steps', '1'];
  const size = options.includes('--size') ? [] : ['--size', '32'];
  return runHere(generateCommand(), prompt, ...steps, ...size, ...options);
}

const [init, mask] = [
  ['--init', file('init.png')],
  ['--mask', file('white.png')],
];
const hires = ['--hires', '2'];
const alice = join(loras, 'alice.safetensors');

type Case = readonly [
  what: string,
  status: number,
  code: string,
  message: RegExp,
  options: readonly string[],
  prompt?: string,
];

const numbers: readonly Case[] = [
  ['a slip in a sampler', 2, 'SAMPLER_UNKNOWN', /Did you mean Euler a/, ['--sampler', 'Eular a']],
  ['a slip in a scheduler', 2, 'SCHEDULER_UNKNOWN', /Did you mean Karras/, ['--scheduler', 'Karas']],
  [
    'two schedulers',
    2,
    'SCHEDULER_TWICE',
    /Karras.*Exponential/,
    ['--sampler', 'DPM++ 2M Karras', '--scheduler', 'Exponential'],
  ],
  ['no width', 2, 'SIZE_INVALID', /width 0: .* from 16 to 8192/, ['--size', '0']],
  ['a width of a thousand million', 2, 'SIZE_INVALID', /1000000000.*8192/, ['--size', '1000000000']],
  ['a negative size', 2, 'OPTION_NOT_A_SIZE', /-64/, ['--size', '-64']],
  ['another sign between the sides', 2, 'OPTION_NOT_A_SIZE', /640x512/, ['--size', '64×48']],
  ['no steps', 2, 'STEPS_INVALID', /0 steps.*1 to 1000/, ['--steps', '0']],
  ['−1 steps', 2, 'STEPS_INVALID', /-1 steps/, ['--steps', '-1']],
  ['10⁹ steps', 2, 'STEPS_INVALID', /1000000000 steps/, ['--steps', '1000000000']],
  ['one and a half steps', 2, 'OPTION_NOT_A_NUMBER', /--steps 1\.5/, ['--steps', '1.5']],
  ['guidance NaN', 2, 'OPTION_NOT_A_NUMBER', /--guidance NaN/, ['--guidance', 'NaN']],
  ['guidance without end', 2, 'OPTION_NOT_A_NUMBER', /Infinity/, ['--guidance', 'Infinity']],
  ['a comma in a number', 2, 'OPTION_NOT_A_NUMBER', /4,5/, ['--guidance', '4,5']],
  ['guidance that nothing holds', 1, 'PICTURE_NOT_FINITE', /guidance/, ['--guidance', '1e300']],
  ['too much rescale', 2, 'STRENGTH_INVALID', /2.*0 to 1/, ['--guidance-rescale', '2']],
  ['seed −2', 2, 'SEED_INVALID', /--seed -2/, ['--seed', '-2']],
  ['seed 2⁶⁴', 2, 'SEED_INVALID', /18446744073709551616/, ['--seed', '18446744073709551616']],
  ['a seed in words', 2, 'SEED_INVALID', /--variation-seed abc/, ['--variation-seed', 'abc']],
  ['no pictures', 2, 'COUNT_INVALID', /0 pictures.*100000/, ['--count', '0']],
  ['10⁹ pictures', 2, 'COUNT_INVALID', /1000000000 pictures/, ['--count', '1000000000']],
  ['batches of none', 2, 'COUNT_INVALID', /--batch 0/, ['--batch', '0']],
  ['quality 0', 2, 'OPTION_INVALID', /--quality 0.*1 to 100/, ['--quality', '0', '--format', 'jpeg']],
  ['quality 101', 2, 'OPTION_INVALID', /--quality 101/, ['--quality', '101', '--format', 'webp']],
  ['quality of a PNG', 2, 'OPTION_NEEDS', /--quality.*PNG/, ['--quality', '80', '--format', 'png']],
  ['a preview every 0 steps', 2, 'OPTION_INVALID', /--preview 0/, ['--preview', '0']],
  ['clip skip 0', 2, 'CLIP_SKIP_INVALID', /skip 0: .*allows 1 to 2/, ['--clip-skip', '0']],
  ['clip skip 99', 2, 'CLIP_SKIP_INVALID', /skip 99: .*allows 1 to 2/, ['--clip-skip', '99']],
  [
    'clip skip as diffusers counts',
    2,
    'CLIP_SKIP_INVALID',
    /skip 2: .*allows 0 to 1/,
    ['--clip-skip', '2', '--preset', 'diffusers'],
  ],
  ...(['a1111', 'comfy'] as const).map(
    (preset): Case => [
      `clip skip 0 in ${preset}`,
      2,
      'CLIP_SKIP_INVALID',
      /skip 0: .*allows 1 to 2/,
      ['--clip-skip', '0', '--preset', preset],
    ],
  ),
  ['a preset of another name', 2, 'OPTION_INVALID', /lora, a1111, comfy, diffusers/, ['--preset', 'forge']],
  ['noise without pixels', 2, 'SIZE_INVALID', /noise of 0×0/, ['--noise-size', '0']],
  ['noise of 10¹⁸ pixels', 2, 'SIZE_INVALID', /noise of 1000000000×/, ['--noise-size', '1000000000']],
  [
    'eta for a sampler without',
    2,
    'SAMPLER_OPTION',
    /eta has no effect on Euler/,
    ['--sampler', 'Euler', '--eta', '1'],
  ],
  ['negative eta', 2, 'OPTION_INVALID', /--eta -1.*at least 0/, ['--sampler', 'Euler a', '--eta', '-1']],
  [
    'churn from high to low',
    2,
    'OPTION_INVALID',
    /--churn-range 5-1/,
    ['--sampler', 'Euler', '--churn', '1', '--churn-range', '5-1'],
  ],
  ['an unknown device', 2, 'DEVICE_UNKNOWN', /--device gpu/, ['--device', 'gpu']],
];

const secondPass: readonly Case[] = [
  ['a second pass that shrinks', 2, 'HIRES_SIZE_INVALID', /--hires 0\.5/, ['--hires', '0.5']],
  ['a second pass of 10⁹ times', 2, 'SIZE_INVALID', /hires width 32000000000.*8192/, ['--hires', '1e9']],
  ['two sizes of it', 2, 'HIRES_SIZE_INVALID', /give one/, [...hires, '--hires-size', '64']],
  [
    'an upscaler that is a model',
    2,
    'UPSCALER_UNKNOWN',
    /ESRGAN[\s\S]*Lanczos/,
    [...hires, '--hires-upscaler', 'R-ESRGAN 4x+'],
  ],
  ['no steps of it', 2, 'STEPS_INVALID', /0 steps of the second pass/, [...hires, '--hires-steps', '0']],
  ['10⁹ steps of it', 2, 'STEPS_INVALID', /1000000000/, [...hires, '--hires-steps', '1000000000']],
  ['an unknown sampler of it', 2, 'SAMPLER_UNKNOWN', /foo/, [...hires, '--hires-sampler', 'foo']],
  ['a mask beside it', 2, 'HIRES_INPAINT', /--mask or --hires/, [...hires, ...init, ...mask]],
];

const alone: readonly Case[] = [
  ['--strength', '0.5', '--init'],
  ['--resize', 'fill', '--init'],
  ['--mask', file('white.png'), '--init'],
  ['--mask-blur', '2', '--mask'],
  ['--mask-content', 'fill', '--mask'],
  ['--mask-padding', '8', '--mask'],
  ['--variation-seed', '3', '--variation-strength'],
  ['--churn-range', '0-1', '--churn'],
  ['--hires-upscaler', 'Lanczos', '--hires'],
  ['--hires-strength', '0.4', '--hires'],
  ['--hires-prompt', 'a dog', '--hires'],
].map(([option, value, needs]): Case => {
  const message = new RegExp(`${option} has no effect without .*${needs}`);
  return [`${option} alone`, 2, 'OPTION_NEEDS', message, [option, value]];
});

const pictures: readonly Case[] = [
  ['strength 1.1', 2, 'STRENGTH_INVALID', /1\.1.*0 to 1/, [...init, '--strength', '1.1']],
  ['strength −0.1', 2, 'STRENGTH_INVALID', /-0\.1.*0 to 1/, [...init, '--strength', '-0.1']],
  ['strength in per cent', 2, 'OPTION_NOT_A_NUMBER', /75%/, [...init, '--strength', '75%']],
  [
    'a padding below nothing',
    2,
    'OPTION_INVALID',
    /-5/,
    [...init, ...mask, '--mask-only', '--mask-padding', '-5'],
  ],
  ['a boundless blur', 2, 'MASK_BLUR_INVALID', /1000000000.*256/, [...init, ...mask, '--mask-blur', '1e9']],
  [
    'padding without --mask-only',
    2,
    'OPTION_NEEDS',
    /--mask-only/,
    [...init, ...mask, '--mask-padding', '5'],
  ],
  ['a mask of another shape', 2, 'MASK_SIZE', /30×64.*64×64/, [...init, '--mask', file('narrow.png')]],
  ['a black mask', 2, 'MASK_EMPTY', /black everywhere/, [...init, '--mask', file('black.png')]],
  ['a mask that is text', 3, 'PICTURE_UNREADABLE', /text\.png/, [...init, '--mask', file('text.png')]],
  ['a missing picture', 3, 'PICTURE_NOT_FOUND', /nope\.png/, ['--init', file('nope.png')]],
  ['a picture without a name', 2, 'OPTION_INVALID', /--init names no file/, ['--init', '']],
  ['a folder', 3, 'PICTURE_UNREADABLE', /loras: is a folder/, ['--init', loras]],
  [
    'text that is called .png',
    3,
    'PICTURE_UNREADABLE',
    /text\.png: holds text/,
    ['--init', file('text.png')],
  ],
  ['an empty file', 3, 'PICTURE_UNREADABLE', /empty\.png/, ['--init', file('empty.png')]],
  ['a cut picture', 3, 'PICTURE_UNREADABLE', /cut\.png/, ['--init', file('cut.png')]],
  ['a huge picture', 3, 'PICTURE_TOO_LARGE', /20000×20000.*100 megapixels/, ['--init', file('huge.png')]],
];

const known = ['--lora-folder', loras, '--wildcard-folder', wildcards];
const prompts: readonly Case[] = [
  ['a missing LoRA', 3, 'LORA_NOT_FOUND', /alise\s+Nearest names: alice/, known, 'a <lora:alise:1>'],
  ['a missing LoRA in an option', 3, 'LORA_NOT_FOUND', /Nearest names: alice/, [...known, '--lora', 'alise']],
  ['two LoRAs of one name', 2, 'LORA_AMBIGUOUS', /a\/twin.* or .*b\/twin/, known, 'a <lora:twin:1>'],
  ['a strength in words', 2, 'PROMPT_LORA_TAG', /character 3 .*"much"/, known, 'a <lora:alice:much>'],
  ['a strength in words in an option', 2, 'LORA_STRENGTH', /"much"/, ['--lora', `${alice}:much`]],
  ['unknown blocks', 2, 'BLOCK_WEIGHTS_INVALID', /FOO/, ['--lora', `${alice}:1:lbw=FOO`]],
  [
    'steps that are none',
    2,
    'LORA_STEP_RANGE',
    /start=9 and stop=3/,
    ['--lora', `${alice}:1:start=9:stop=3`],
  ],
  ['a hypernetwork', 2, 'PROMPT_LORA_TAG', /character 3 .*hypernetwork/, [], 'a <hypernet:foo:1>'],
  [
    'a missing wildcard',
    3,
    'WILDCARD_NOT_FOUND',
    /character 3 .*\s+Nearest names: colour/,
    known,
    'a __colours__',
  ],
  ['wildcards without a folder', 3, 'WILDCARD_NOT_FOUND', /no folder of wildcards/, [], 'a __colour__'],
  ['wildcards that name each other', 2, 'WILDCARD_CYCLE', /ping → pong → ping/, known, 'a __ping__'],
  ['a wildcard without lines', 3, 'WILDCARD_EMPTY', /void\.txt/, known, 'a __void__'],
  [
    '10,000 brackets',
    2,
    'PROMPT_SYNTAX',
    /weight of "cat" in the prompt is Infinity/,
    [],
    `${'('.repeat(10_000)}cat${')'.repeat(10_000)}`,
  ],
  ['an open brace', 2, 'PROMPT_ALTERNATIVES', /not closed at character 3/, [], 'a {red|blue car'],
  ['a missing embedding', 3, 'EMBEDDING_NOT_FOUND', /foo/, ['--preset', 'comfy'], 'a embedding:foo'],
  [
    'a folder with a slip',
    3,
    'FOLDER_NOT_FOUND',
    /--lora-folder .*lroas is not there/,
    ['--lora-folder', file('lroas')],
  ],
  [
    'a file for a folder',
    3,
    'FOLDER_NOT_FOUND',
    /text\.png is a file/,
    ['--wildcard-folder', file('text.png')],
  ],
];

const cases = [...numbers, ...secondPass, ...alone, ...pictures, ...prompts].map(
  ([what, status, code, message, options, prompt = 'a']) => ({
    what,
    status,
    code,
    message,
    options,
    prompt,
  }),
);

test.each(cases)('$what', async ({ status, code, message, options, prompt }) => {
  const out = join(temporaryFolder(), 'new/folder/a');
  const named = options.includes('--format') ? out : `${out}.png`;
  const outcome = await generate(prompt, ...options, '--out', named);
  expect(`${outcome.status} ${outcome.stderr}`).toContain(`${status} `);
  expect(outcome.stderr).toContain(`error ${code}: `);
  expect(outcome.stderr).toMatch(message);
  expect(outcome).toMatchObject({ status, stdout: '' });
  expect(readdirSync(dirname(dirname(dirname(out))))).toEqual([]);
});

describe('where pictures go', () => {
  test.each<readonly [string, number, string, RegExp, readonly string[]]>([
    ['an ending of another kind', 2, 'OUT_FORMAT', /x\.gif/, ['--out', file('x.gif')]],
    ['two formats', 2, 'OUT_FORMAT', /png.*webp/, ['--out', file('x.png'), '--format', 'webp']],
    ['an unknown format', 2, 'OPTION_INVALID', /png, jpeg, webp/, ['--format', 'gif', '--out', file('x')]],
    ['no name', 2, 'OUT_INVALID', /--out names no file/, ['--out', '']],
    ['a name that is too long', 2, 'OUT_INVALID', /304 letters/, ['--out', file(`${'x'.repeat(300)}.png`)]],
    ['a file where a folder is needed', 1, 'WRITE_NO_FOLDER', /text\.png/, ['--out', file('text.png/a.png')]],
    ['a picture that is there', 2, 'OUT_EXISTS', /init\.png/, ['--out', file('init.png')]],
  ])('%s', async (_, status, code, message, options) => {
    const before = readdirSync(folder);
    const bytes = readFileSync(file('init.png'));
    const outcome = await generate('a', ...options);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr).toContain(`error ${code}: `);
    expect(outcome.status).toBe(status);
    expect(readdirSync(folder)).toEqual(before);
    expect(readFileSync(file('init.png'))).toEqual(bytes);
  });

  test('of numbered pictures one is there: none is drawn', async () => {
    const out = join(temporaryFolder(), 'a.png');
    writeFileSync(out.replace('.png', '-0002.png'), 'precious');
    const outcome = await generate('a', '--count', '3', '--out', out);
    expect(outcome).toMatchObject({ status: 2, stderr: expect.stringContaining('a-0002.png is there') });
    expect(readdirSync(dirname(out))).toEqual(['a-0002.png']);
  });

  test('two processes in one folder: every picture has a number of its own', async () => {
    const out = join(temporaryFolder(), 'pictures');
    const options = ['generate', 'a', '--steps', '1', '--size', '32', '--seed', '3', '--count', '3'];
    const runs = await Promise.all([1, 2].map(() => start([...options, '--out', out]).outcome));
    for (const { status, stderr } of runs) expect(status, stderr).toBe(0);
    const names = readdirSync(out).sort();
    expect(names.map(name => name.slice(0, 5))).toEqual([0, 1, 2, 3, 4, 5].map(n => `0000${n}`));
    const said = runs.flatMap(({ stdout }) => stdout.split('\n').filter(line => line.endsWith('.png')));
    expect(said.map(path => basename(path)).sort()).toEqual(names);
  }, 60_000);
});

describe('what goes wrong while drawing', () => {
  const own = { ...disk };
  afterEach(() => void Object.assign(disk, own));
  /** From the n-th new file on, the disk is full. */
  const fillDisk = (isFull: (path: string) => boolean): void => {
    disk.open = async (path, flags, mode) => {
      if (flags === 'w' && isFull(path))
        throw Object.assign(new Error(`ENOSPC: ${path}`), { code: 'ENOSPC' });
      return own.open(path, flags, mode);
    };
  };

  test('the disk fills up after the first picture, which is kept and said', async () => {
    const out = join(temporaryFolder(), 'new/a.png');
    fillDisk(path => path.includes('a-0002'));
    const outcome = await generate('a', '--count', '3', '--out', out);
    expect(outcome.status).toBe(1);
    expect(outcome.stderr).toMatch(/error WRITE_NO_SPACE: .*a-0002\.png/);
    expect(outcome.stderr).toContain('1 of 3 pictures were finished and are kept');
    expect(readdirSync(dirname(out))).toEqual(['a-0001.png']);
    expect((await sharp(out.replace('.png', '-0001.png')).metadata()).width).toBe(32);
  });

  test('it is full from the start: the folder that was made for pictures is gone again', async () => {
    const out = join(temporaryFolder(), 'new/folder/a.png');
    fillDisk(() => true);
    const outcome = await generate('a', '--out', out);
    expect(outcome).toMatchObject({ status: 1, stderr: expect.stringContaining('error WRITE_NO_SPACE') });
    expect(existsSync(dirname(dirname(out)))).toBe(false);
  });

  test('a preview that cannot be written is said once and costs no picture', async () => {
    const out = join(temporaryFolder(), 'a.png');
    fillDisk(path => path.includes('preview'));
    const outcome = await generate('a', '--steps', '3', '--preview', '1', '--out', out);
    expect(outcome.status, outcome.stderr).toBe(0);
    expect(outcome.stderr.match(/no preview: /g)).toHaveLength(1);
    expect(readdirSync(dirname(out))).toEqual(['a.png']);
  });

  test('a preview leaves a file of its name alone, and is gone at the end', async () => {
    const out = join(temporaryFolder(), 'a.png');
    writeFileSync(join(dirname(out), 'preview.png'), 'precious');
    const outcome = await generate('a', '--steps', '3', '--preview', '1', '--out', out);
    expect(outcome.status, outcome.stderr).toBe(0);
    expect(outcome.stderr).toContain('preview-2.png');
    expect(readdirSync(dirname(out)).sort()).toEqual(['a.png', 'preview.png']);
    expect(readFileSync(join(dirname(out), 'preview.png'), 'utf8')).toBe('precious');
  });

  test('Ctrl-C after the first of three pictures: 130, it is kept, and nothing else is there', async () => {
    const out = join(temporaryFolder(), 'pictures');
    const options = ['--count', '3', '--steps', '200', '--size', '32', '--seed', '5'];
    const running = start(['generate', 'a', ...options, '--out', out]);
    const seesPicture = setInterval(() => {
      const names = existsSync(out) ? readdirSync(out) : [];
      if (!names.some(name => name.endsWith('.png') && !name.startsWith('.'))) return;
      clearInterval(seesPicture);
      running.process.kill('SIGINT');
    }, 20);
    const { status, stderr } = await running.outcome;
    clearInterval(seesPicture);
    expect(status, stderr).toBe(130);
    expect(stderr).toContain('1 of 3 pictures were finished and are kept');
    expect(stderr).toContain('error INTERRUPTED');
    expect(readdirSync(out)).toEqual(['00000-5.png']);
    expect((await sharp(join(out, '00000-5.png')).metadata()).width).toBe(32);
  }, 60_000);
});

describe('what is strange, but drawn, with a word', () => {
  test.each<readonly [string, RegExp, readonly string[], string]>([
    ['a size that is no multiple of 8', /width 60 → 64.*multiples of 8/, ['--size', '60x64'], 'a'],
    [
      'a moving picture',
      /moving\.gif holds 2 frames; the first is used/,
      ['--init', file('moving.gif')],
      'a',
    ],
    ['strength 0', /strength 0: nothing is drawn/, [...init, '--strength', '0'], 'a'],
    [
      'a LoRA in the negative prompt',
      /<lora:alice:1> in the negative prompt/,
      ['--negative', 'x <lora:alice:1>'],
      'a',
    ],
    ['an open bracket', /prompt, character 3: "\(" is not closed/, [], 'a (red car'],
    ['a weight that is none', /character 3: "1,2" in \(red car:1,2\) is not a weight/, [], 'a (red car:1,2)'],
    ['a bracket too many', /character 6: "\)" closes nothing/, [], 'a red) car'],
    ['a step that is none', /character 3: "x" in \[red:blue:x\] is not a step/, [], 'a [red:blue:x]'],
  ])('%s', async (_, said, options, prompt) => {
    const out = join(temporaryFolder(), 'a.png');
    const outcome = await generate(prompt, ...options, '--out', out);
    expect(outcome.status, outcome.stderr).toBe(0);
    expect(outcome.stderr).toMatch(said);
    expect(existsSync(out)).toBe(true);
  });

  test.each([
    ['an empty prompt', ''],
    ['spaces', '   '],
    ['a lone surrogate', 'a \ud800 cat'],
    ['a megabyte of words', 'red car, '.repeat(116_509)],
    ['300 brackets', `${'('.repeat(300)}cat${')'.repeat(300)}`],
  ])(
    '%s',
    async (_, prompt) => {
      const out = join(temporaryFolder(), 'a.png');
      const outcome = await generate(prompt, '--out', out);
      expect(outcome.status, outcome.stderr.slice(0, 2000)).toBe(0);
      expect(outcome.stderr.length).toBeLessThan(4000);
      expect((await sharp(out).metadata()).width).toBe(32);
    },
    60_000,
  );
});
