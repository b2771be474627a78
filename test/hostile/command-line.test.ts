/** The wrong inputs people really give: a clear error, a stable code, the right exit code, nothing half-written. */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { generateCommand } from '../../src/cli/commands/generate.ts';
import { inspectCommand } from '../../src/cli/commands/inspect.ts';
import { trainCommand } from '../../src/cli/commands/train.ts';
import {
  floatTensorBytes,
  openSafetensors,
  serializeSafetensors,
  type WritableTensor,
} from '../../src/files/index.ts';
import { node, type Outcome, runHere, start } from '../support/command-line.ts';
import { pictureFolder, stripes, temporaryFolder } from '../support/pictures.ts';

const commands = { train: trainCommand, generate: generateCommand, inspect: inspectCommand };

/** In this process: what goes wrong there goes wrong in the same way in its own, and that is seen once below. */
function lora(command: keyof typeof commands, ...options: string[]): Promise<Outcome> {
  return runHere(commands[command](), ...options);
}

const folder = pictureFolder(2);
const out = (): string => join(temporaryFolder(), 'x.safetensors');
const quick = [
  '--steps',
  '1',
  '--batch',
  '1',
  '--rank',
  '2',
  '--targets',
  'mid_block*attn2.to_v',
  '--no-cache',
];

async function expectError(
  status: number,
  code: string,
  [command, ...options]: [keyof typeof commands, ...string[]],
): Promise<Outcome> {
  const outcome = await lora(command, ...options);
  expect(`${outcome.status} ${outcome.stderr}`).toContain(`error ${code}`);
  expect(outcome.status).toBe(status);
  return outcome;
}

function recipe(text: string): string {
  const path = join(temporaryFolder(), 'recipe.json');
  writeFileSync(path, text);
  return path;
}

describe('lora train', () => {
  test.each([
    ['a missing folder', 3, 'DATASET_NO_FOLDER', () => ['/no/such/folder']],
    ['an empty folder', 3, 'DATASET_EMPTY', () => [temporaryFolder()]],
    ['an unknown target', 2, 'TARGET_UNKNOWN', () => [folder, '--targets', 'everything']],
    ['rank 0', 2, 'RANK_INVALID', () => [folder, '--rank', '0']],
    ['a rank above a layer’s size', 2, 'RANK_TOO_LARGE', () => [folder, '--rank', '500']],
    ['a rank that is no number', 2, 'OPTION_NOT_A_NUMBER', () => [folder, '--rank', 'many']],
    ['a crooked resolution', 2, 'RESOLUTION_INVALID', () => [folder, '--resolution', '65']],
    ['a base that does not exist', 3, 'CHECKPOINT_NOT_FOUND', () => [folder, '--base', '/no/base']],
    ['an unknown device', 2, 'DEVICE_UNKNOWN', () => [folder, '--device', 'abacus']],
    ['zero steps', 2, 'RECIPE_INVALID', () => [folder, '--steps', '0']],
    ['too little memory', 3, 'MEMORY_TOO_SMALL', () => [folder, '--memory', '10MB']],
    ['an output of another kind', 2, 'OUT_NOT_SAFETENSORS', () => [folder, '--out', 'x.ckpt']],
    ['a target that JavaScript knows', 2, 'TARGET_UNKNOWN', () => [folder, '--targets', 'constructor']],
    ['an absurd resolution', 2, 'RECIPE_INVALID', () => [folder, '--resolution', '1000000']],
    ['more warm-up than steps', 2, 'RECIPE_INVALID', () => [folder, '--steps', '3', '--warmup', '4']],
    ['a missing recipe', 3, 'RECIPE_UNREADABLE', () => [folder, '--recipe', '/no/recipe.json']],
    ['a folder as recipe', 3, 'RECIPE_UNREADABLE', () => [folder, '--recipe', folder]],
    ['a recipe that is no JSON', 2, 'RECIPE_NOT_JSON', () => [folder, '--recipe', recipe('steps: 5')]],
    [
      'a recipe with an unknown field',
      2,
      'RECIPE_INVALID',
      () => [folder, '--recipe', recipe('{"colour": 1}')],
    ],
    [
      'a recipe with text for a number',
      2,
      'RECIPE_INVALID',
      () => [folder, '--recipe', recipe('{"rank": "4"}')],
    ],
    ['a crooked bucket step', 2, 'RECIPE_INVALID', () => [folder, '--recipe', recipe('{"bucketStep": 4}')]],
    ['a plan of a missing folder', 3, 'DATASET_NO_FOLDER', () => ['/no/such/folder', '--plan']],
    ['a slip of the pen in a target', 2, 'TARGET_UNKNOWN', () => [folder, '--targets', 'atention']],
    ['a broken pattern', 2, 'TARGET_INVALID', () => [folder, '--targets', '/attn[/']],
    ['a block that the model lacks', 2, 'TARGET_UNKNOWN', () => [folder, '--targets', 'block:IN11']],
    ['an exclusion of everything', 2, 'TARGET_UNKNOWN', () => [folder, '--targets', 'linear,!linear']],
    ['an exception for no layer', 2, 'TARGET_UNKNOWN', () => [folder, '--set', '*.conv9: rank=2']],
    ['an exception without values', 2, 'OPTION_INVALID', () => [folder, '--set', 'block:mid']],
    ['an unknown kind', 2, 'OPTION_INVALID', () => [folder, '--kind', 'lorra']],
    ['PiSSA with DoRA', 2, 'RECIPE_INVALID', () => [folder, '--init', 'pissa', '--dora']],
    ['a factor for plain LoRA', 2, 'RECIPE_INVALID', () => [folder, '--factor', '8']],
    ['a rank for frozen text encoders', 2, 'RECIPE_INVALID', () => [folder, '--text-rank', '4']],
    ['dropout of everything', 2, 'RECIPE_INVALID', () => [folder, '--dropout', '1']],
    ['ranks for other blocks', 2, 'RECIPE_INVALID', () => [folder, '--block-rank', '4,4,4']],
  ] as const)('%s', async (_, status, code, options) => {
    const target = out();
    const given = options();
    await expectError(status, code, [
      'train',
      ...given,
      ...(given.includes('--out' as never) ? [] : ['--out', target]),
    ]);
    expect(readdirSync(dirname(target))).toEqual([]);
  });

  test('no readable picture: broken, text named .png, 1×1', async () => {
    const bad = join(temporaryFolder(), 'bad');
    mkdirSync(bad);
    writeFileSync(join(bad, 'broken.png'), stripes(64, 64, 1).subarray(0, 120));
    writeFileSync(join(bad, 'text.png'), 'this is not a picture');
    writeFileSync(join(bad, 'dot.png'), stripes(1, 1, 1));
    const { stderr } = await expectError(3, 'DATASET_NO_READABLE', ['train', bad, '--out', out()]);
    for (const name of ['broken.png', 'text.png', 'dot.png']) expect(stderr).toContain(name);
  });

  test('one bad picture among good ones is left out, said, and the run goes on', async () => {
    const mixed = pictureFolder(2);
    writeFileSync(join(mixed, 'broken.png'), stripes(64, 64, 1).subarray(0, 120));
    writeFileSync(join(mixed, '0.txt'), Uint8Array.of(0x63, 0x61, 0x66, 0xe9)); // "café" in Latin-1
    writeFileSync(join(mixed, '1.txt'), '');
    const target = out();
    const { status, stderr } = await lora('train', mixed, '--out', target, ...quick);
    expect(status).toBe(0);
    expect(stderr).toContain('broken.png');
    expect(stderr).toMatch(/0\.txt/);
    expect(stderr).toMatch(/1\.txt|1\.png/);
    expect(openSafetensors(target).tensors.size).toBeGreaterThan(0);
  });

  test('an output that is there is not overwritten', async () => {
    const target = out();
    writeFileSync(target, 'precious');
    await expectError(2, 'OUT_EXISTS', ['train', folder, '--out', target, ...quick]);
    await expectError(2, 'OUT_EXISTS', ['train', folder, '--out', target, ...quick, '--resume']);
    expect(readFileSync(target, 'utf8')).toBe('precious');
  });

  test('nor is a file that --save-every would write', async () => {
    const target = out();
    const save = target.replace('.safetensors', '-step00000002.safetensors');
    writeFileSync(save, 'precious');
    const steps = ['--steps', '5', '--save-every', '2'];
    await expectError(2, 'OUT_EXISTS', ['train', folder, '--out', target, ...quick, ...steps]);
    expect(readFileSync(save, 'utf8')).toBe('precious');
    expect(readdirSync(dirname(target))).toEqual([basename(save)]);
  });

  test('two runs on one output: the second is refused', async () => {
    const target = out();
    writeFileSync(`${target}.lock`, String(process.ppid));
    await expectError(1, 'OUTPUT_BUSY', ['train', folder, '--out', target, ...quick]);
    writeFileSync(`${target}.lock`, '999999999'); // left behind by a process that is gone
    expect((await lora('train', folder, '--out', target, ...quick)).status).toBe(0);
  });

  test('an output folder that cannot be made', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    await expectError(1, 'WRITE_NO_FOLDER', [
      'train',
      folder,
      '--out',
      join(file, 'x.safetensors'),
      ...quick,
    ]);
  });
});

describe('a broken base', () => {
  type PartName = 'unet' | 'vae' | 'text_encoder' | 'tokenizer' | 'scheduler';
  /** The embedded model with one part changed. */
  const broken = (part: PartName, change: (folder: string) => void): string => {
    const base = temporaryFolder();
    for (const name of readdirSync('pretrained/pocket')) {
      if (name !== part) symlinkSync(resolve('pretrained/pocket', name), join(base, name));
    }
    cpSync(join('pretrained/pocket', part), join(base, part), { recursive: true });
    change(join(base, part));
    return base;
  };
  const weights = (folder: string): string =>
    join(folder, readdirSync(folder).find(name => name.endsWith('.safetensors')) as string);
  /** Writes the part's weights again, all zero, with one tensor left out, of another shape or NaN. */
  const rewrite =
    (target: string, what: 'drop' | 'reshape' | 'nan') =>
    (folder: string): void => {
      const file = openSafetensors(weights(folder));
      expect(file.tensors.has(target)).toBe(true);
      const tensors = [...file.tensors.values()].flatMap((entry): WritableTensor[] => {
        const { name } = entry;
        if (name === target && what === 'drop') return [];
        const shape = name === target && what === 'reshape' ? [...entry.shape, 2] : entry.shape;
        const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
        if (name === target && what === 'nan') data.fill(Number.NaN);
        return [{ name, dtype: 'float16', shape, bytes: floatTensorBytes({ shape, data }, 'float16') }];
      });
      writeFileSync(weights(folder), serializeSafetensors(tensors));
    };
  const remove = (name: string) => (folder: string) => rmSync(join(folder, name));
  const write = (name: string, text: string) => (folder: string) => writeFileSync(join(folder, name), text);
  const edit = (name: string, change: object) => (folder: string) => {
    const config: object = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    writeFileSync(join(folder, name), JSON.stringify({ ...config, ...change }));
  };
  const cut = (folder: string): void =>
    writeFileSync(weights(folder), readFileSync(weights(folder)).subarray(0, 100_000));
  const pickle = (folder: string): void =>
    writeFileSync(weights(folder), Uint8Array.of(0x80, 2, 0x7d, 0, 0, 0, 0, 0, 0));

  const generateFrom = (base: string, code: string): Promise<Outcome> => {
    const target = join(temporaryFolder(), 'a.png');
    return expectError(3, code, ['generate', 'a cat', '--base', base, '--out', target]);
  };

  const damaged = (part: PartName) =>
    [
      [part, 'no weights', 'CHECKPOINT_MISSING_FILE', (folder: string) => rmSync(weights(folder))],
      [part, 'truncated weights', 'FORMAT_TRUNCATED', cut],
      [part, 'a pickle for weights', 'FORMAT_PICKLE', pickle],
      [part, 'no config', 'CHECKPOINT_MISSING_FILE', remove('config.json')],
      [part, 'half a config', 'CHECKPOINT_BAD_CONFIG', write('config.json', '{"layers')],
    ] as const;
  const norm = 'text_model.encoder.layers.1.layer_norm2.bias';
  test.each<readonly [PartName, string, string, (folder: string) => void]>([
    ...damaged('unet'),
    ...damaged('vae'),
    ...damaged('text_encoder'),
    ['unet', 'text for a number', 'CHECKPOINT_BAD_CONFIG', edit('config.json', { in_channels: 'four' })],
    [
      'unet',
      'an option of other models',
      'CHECKPOINT_BAD_CONFIG',
      edit('config.json', { class_embed_type: 'identity' }),
    ],
    ['unet', 'a tensor missing', 'CHECKPOINT_MISSING_TENSOR', rewrite('conv_in.bias', 'drop')],
    ['unet', 'a wrong shape', 'CHECKPOINT_WRONG_SHAPE', rewrite('conv_out.weight', 'reshape')],
    ['unet', 'NaN', 'CHECKPOINT_NOT_FINITE', rewrite('mid_block.attentions.0.proj_in.weight', 'nan')],
    ['vae', 'shifted latents', 'CHECKPOINT_BAD_CONFIG', edit('config.json', { shift_factor: 0.1 })],
    ['vae', 'other channels', 'CHECKPOINT_WRONG_SHAPE', edit('config.json', { latent_channels: 4 })],
    ['vae', 'a tensor missing', 'CHECKPOINT_MISSING_TENSOR', rewrite('decoder.conv_in.weight', 'drop')],
    ['vae', 'a wrong shape', 'CHECKPOINT_WRONG_SHAPE', rewrite('quant_conv.weight', 'reshape')],
    ['vae', 'NaN', 'CHECKPOINT_NOT_FINITE', rewrite('encoder.conv_out.bias', 'nan')],
    ['text_encoder', 'fewer layers', 'CHECKPOINT_BAD_CONFIG', edit('config.json', { num_hidden_layers: 1 })],
    ['text_encoder', 'a tensor missing', 'CHECKPOINT_MISSING_TENSOR', rewrite(norm, 'drop')],
    ['text_encoder', 'a wrong shape', 'CHECKPOINT_WRONG_SHAPE', rewrite(norm, 'reshape')],
    ['text_encoder', 'NaN', 'CHECKPOINT_NOT_FINITE', rewrite(norm, 'nan')],
    ['tokenizer', 'no vocabulary', 'TOKENIZER_MISSING_FILE', remove('vocab.json')],
    ['tokenizer', 'half a vocabulary', 'TOKENIZER_INVALID', write('vocab.json', '{"a": 1, "b')],
    ['tokenizer', 'no merges', 'TOKENIZER_INVALID', write('merges.txt', '#version: 0.2\n')],
    [
      'tokenizer',
      'too many tokens',
      'CHECKPOINT_BAD_CONFIG',
      edit('tokenizer_config.json', { model_max_length: 77 }),
    ],
    ['scheduler', 'no config', 'CHECKPOINT_MISSING_FILE', remove('scheduler_config.json')],
    ['scheduler', 'half a config', 'CHECKPOINT_BAD_CONFIG', write('scheduler_config.json', '{')],
    [
      'scheduler',
      'another kind',
      'CHECKPOINT_BAD_CONFIG',
      edit('scheduler_config.json', { prediction_type: 'sample' }),
    ],
  ])('%s: %s', async (part, _, code, change) => {
    const { stderr } = await generateFrom(broken(part, change), code);
    expect(stderr).toContain(part);
  });

  test.each([
    ['no folder of a part', 'CHECKPOINT_MISSING_FILE', (base: string) => rmSync(join(base, 'vae'))],
    ['an index that is no JSON', 'CHECKPOINT_BAD_CONFIG', write('model_index.json', '{')],
    [
      'an index of another model',
      'CHECKPOINT_BAD_CONFIG',
      write('model_index.json', '{"_class_name": "FluxPipeline"}'),
    ],
  ] as const)('%s', async (_, code, change) => {
    const base = broken('scheduler', () => {});
    rmSync(join(base, 'model_index.json'));
    change(base);
    await generateFrom(base, code);
  });

  test('training refuses it before anything is written', async () => {
    const target = out();
    const base = broken('vae', rewrite('decoder.conv_in.weight', 'drop'));
    await expectError(3, 'CHECKPOINT_MISSING_TENSOR', [
      'train',
      folder,
      '--base',
      base,
      '--out',
      target,
      ...quick,
    ]);
    expect(readdirSync(dirname(target))).toEqual([]);
  });
});

describe('lora generate', () => {
  let trained: string;
  beforeAll(async () => {
    trained = out();
    expect((await lora('train', folder, '--out', trained, ...quick)).status).toBe(0);
  });

  test.each([
    ['an unknown sampler', 2, 'SAMPLER_UNKNOWN', ['--sampler', 'Magic']],
    ['an unknown scheduler', 2, 'SCHEDULER_UNKNOWN', ['--scheduler', 'Magic']],
    ['a size beyond all bounds', 2, 'SIZE_INVALID', ['--size', '9000x64']],
    ['no steps', 2, 'STEPS_INVALID', ['--steps', '0']],
    ['a missing LoRA', 3, 'LORA_NOT_FOUND', ['--lora', '/no/lora.safetensors']],
  ] as const)('%s', async (_, status, code, options) => {
    const target = join(temporaryFolder(), 'a.png');
    await expectError(status, code, ['generate', 'a cat', '--out', target, ...options]);
    expect(existsSync(target)).toBe(false);
  });

  test('a command line beyond what the runtime can bear is refused, not the end of the process', async () => {
    const { status, stderr } = spawnSync(node, ['src/cli/main.ts', 'generate', 'word '.repeat(8000)], {
      encoding: 'utf8',
    });
    expect(status).toBe(2);
    expect(stderr).toContain('COMMAND_LINE_TOO_LONG');
  });

  test('a LoRA name that nobody has lists near ones', async () => {
    const loras = temporaryFolder();
    copyFileSync(trained, join(loras, 'zorbi.safetensors'));
    const target = join(loras, 'a.png');
    const options = ['a cat <lora:zorbl:1>', '--lora-folder', loras, '--out', target];
    const { stderr } = await expectError(3, 'LORA_NOT_FOUND', ['generate', ...options]);
    expect(stderr).toMatch(/Nearest names: .*zorbi/);
  });

  test('a LoRA of another model says which is which', async () => {
    const other = out();
    const data = { shape: [4, 768], data: new Float32Array(4 * 768) };
    const up = { shape: [320, 4], data: new Float32Array(320 * 4) };
    const name = 'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k';
    const entry = (suffix: string, tensor: typeof data) => ({
      name: name + suffix,
      dtype: 'float32' as const,
      shape: tensor.shape,
      bytes: floatTensorBytes(tensor, 'float32'),
    });
    writeFileSync(
      other,
      serializeSafetensors([entry('.lora_down.weight', data), entry('.lora_up.weight', up)]),
    );
    const { stderr } = await expectError(3, 'LORA_WRONG_MODEL', [
      'generate',
      'a cat',
      '--lora',
      other,
      '--out',
      out().replace('.safetensors', '.png'),
    ]);
    expect(stderr).toMatch(/SD 1\.x.*pocket/);
  });

  test('a picture that is there is not overwritten', async () => {
    const target = join(temporaryFolder(), 'a.png');
    writeFileSync(target, 'precious');
    await expectError(2, 'OUT_EXISTS', ['generate', 'a cat', '--out', target]);
    expect(readFileSync(target, 'utf8')).toBe('precious');
  });

  test('--json prints one object, and errors as one too', async () => {
    const target = join(temporaryFolder(), 'a.png');
    const good = await lora(
      'generate',
      'a cat',
      '--lora',
      `${trained}:0.5`,
      '--steps',
      '2',
      '--seed',
      '5',
      '--out',
      target,
      '--json',
    );
    expect(JSON.parse(good.stdout)).toMatchObject({
      files: [target],
      seeds: [5],
      loras: [{ strength: 0.5 }],
    });
    const bad = await lora('inspect', '/no/such.safetensors', '--json');
    expect(JSON.parse(bad.stdout)).toMatchObject({ error: { code: 'FILE_MISSING' } });
    expect(bad.status).toBe(3);
  });
});

describe('as a user starts it', () => {
  const run = (...options: string[]): Promise<Outcome> =>
    start(options, [process.execPath, 'bin/lora.js']).outcome;

  test('a failing command: code, hint, exit status, and JSON', async () => {
    const [status, inspected] = [2, run('inspect', '/no/such.safetensors', '--json')];
    const { stderr, ...usage } = await run('train', folder, '--rank', '0', '--out', out());
    expect(usage.status).toBe(status);
    expect(stderr).toMatch(/^error RANK_INVALID: .*\n {2}Usual ranks/m);
    expect((await inspected).status).toBe(3);
    expect(JSON.parse((await inspected).stdout)).toMatchObject({ error: { code: 'FILE_MISSING' } });
  });

  test('an unknown command or option is a usage error, help is not', async () => {
    const runs = [run('paint'), run('train', folder, '--paint'), run('--help')];
    expect((await Promise.all(runs)).map(({ status }) => status)).toEqual([2, 2, 0]);
  });
});
