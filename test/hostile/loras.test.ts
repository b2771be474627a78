/** LoRA files as people really have them, whole and broken: named for what they are, with a stable code and exit 3. */
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { convertCommand } from '../../src/cli/commands/convert.ts';
import { generateCommand } from '../../src/cli/commands/generate.ts';
import { LoraError } from '../../src/errors.ts';
import { serializeSafetensors, type WritableTensor } from '../../src/files/index.ts';
import { openLoraFile, readLora } from '../../src/lora/index.ts';
import { hashed } from '../golden/hashed-weights.ts';
import { runHere } from '../support/command-line.ts';
import { baseOfFamily, loraFile, pair, pairs, tensor } from '../support/lora-files.ts';
import { ldmShapes, writeSparse } from '../support/make-checkpoint.ts';
import { temporaryFolder } from '../support/pictures.ts';

const layer = 'lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k';
/** Of the embedded model: [out, in] of the layer above. */
const shape = [128, 128];
const good = (): WritableTensor[] => pair(layer, shape, 4);
const path = (name = 'lora.safetensors'): string => join(temporaryFolder(), name);

const without =
  (pattern: RegExp) =>
  (tensors: WritableTensor[]): WritableTensor[] =>
    tensors.filter(({ name }) => !pattern.test(name));
const replaced =
  (...others: WritableTensor[]) =>
  (tensors: WritableTensor[]): WritableTensor[] => [
    ...tensors.filter(({ name }) => !others.some(other => other.name === name)),
    ...others,
  ];

/** The good file, changed. */
const changed = (change: (tensors: WritableTensor[]) => WritableTensor[]): string => loraFile(change(good()));

/** A tensor with one number replaced. */
function poisoned(name: string, size: readonly number[], at: number, value: number): WritableTensor {
  const data = new Float32Array(size.reduce((a, b) => a * b, 1)).fill(0.1);
  data[at] = value;
  return tensor(name, size, data);
}

function textFile(name: string, text: string | Uint8Array): string {
  const made = path(name);
  writeFileSync(made, text);
  return made;
}

function headerFile(header: string | Uint8Array, data = 0, claimed?: bigint): string {
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(claimed ?? BigInt(Buffer.byteLength(header)));
  return textFile('lora.safetensors', Buffer.concat([size, Buffer.from(header), Buffer.alloc(data)]));
}

const described = (start: number, end: number, size: readonly number[] = [4]): object => ({
  ...{ dtype: 'F32', shape: size },
  data_offsets: [start, end],
});
const [down, up, alpha] = [`${layer}.lora_down.weight`, `${layer}.lora_up.weight`, `${layer}.alpha`];

function truncated(): string {
  const made = loraFile(good());
  truncateSync(made, 3000);
  return made;
}

function sparse(tensors: Parameters<typeof writeSparse>[1]): string {
  const made = path();
  writeSparse(made, tensors);
  return made;
}
const named = (...names: string[]): string =>
  sparse(names.map(name => ({ name, dtype: 'float16', shape: [4] })));
const sd15 = baseOfFamily('sd15');
const sdxl = baseOfFamily('sdxl');

function folder(config: string, adapter: Iterable<WritableTensor> | undefined, pickle = false): string {
  const made = join(temporaryFolder(), 'adapter');
  mkdirSync(made);
  writeFileSync(join(made, 'adapter_config.json'), config);
  if (adapter) writeFileSync(join(made, 'adapter_model.safetensors'), serializeSafetensors(adapter));
  if (pickle) writeFileSync(join(made, 'adapter_model.bin'), 'PK\x03\x04');
  return made;
}
const peftTensors = (): WritableTensor[] => [
  tensor('base_model.model.mid_block.attentions.0.proj_in.lora_A.weight', [4, 1280]),
  tensor('base_model.model.mid_block.attentions.0.proj_in.lora_B.weight', [1280, 4]),
];

type Row = readonly [what: string, code: string, says: readonly string[], make: () => string];

const damagedFiles: readonly Row[] = [
  ['cut off', 'FORMAT_TRUNCATED', ['3000'], truncated],
  [
    'overlapping tensors',
    'FORMAT_OVERLAP',
    [up],
    () => headerFile(JSON.stringify({ [down]: described(0, 16), [up]: described(8, 24) }), 24),
  ],
  [
    'a hole between tensors',
    'FORMAT_HOLE',
    [up],
    () => headerFile(JSON.stringify({ [down]: described(0, 16), [up]: described(20, 36) }), 36),
  ],
  [
    'a wrong length',
    'FORMAT_SHAPE',
    [down],
    () => headerFile(JSON.stringify({ [down]: described(0, 16, [5]) }), 16),
  ],
  [
    'a name twice',
    'FORMAT_DUPLICATE',
    [down],
    () =>
      headerFile(
        `{"${down}":${JSON.stringify(described(0, 16))},"${down}":${JSON.stringify(described(0, 16))}}`,
        16,
      ),
  ],
  [
    'a negative offset',
    'FORMAT_OFFSETS',
    [down],
    () => headerFile(JSON.stringify({ [down]: described(-16, 0) }), 16),
  ],
  [
    'an offset beyond 2⁵³',
    'FORMAT_OFFSETS',
    [down],
    () => headerFile(JSON.stringify({ [down]: described(2 ** 53, 2 ** 53 + 16) }), 16),
  ],
  ['a header that is no UTF-8', 'FORMAT_HEADER', [], () => headerFile(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]))],
  ['a header of 100 MB and a byte', 'FORMAT_HEADER', ['100000001'], () => headerFile('{}', 0, 100_000_001n)],
  [
    'a name that is none',
    'LORA_UNKNOWN',
    ['__proto__'],
    () => headerFile('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
  ],
  ['text', 'FORMAT_HEADER', [], () => textFile('lora.safetensors', 'not a LoRA, but a long enough text')],
  ['nothing', 'FORMAT_TRUNCATED', ['0 bytes'], () => textFile('lora.safetensors', '')],
  [
    'a pickle',
    'FORMAT_PICKLE',
    ['save_file'],
    () => textFile('lora.pt', Uint8Array.of(0x80, 2, 0x7d, 0x71, 0, 0x2e, 0, 0)),
  ],
  [
    'a zip of pickles',
    'FORMAT_PICKLE',
    ['weights_only'],
    () => textFile('lora.ckpt', 'PK\x03\x04 and so on'),
  ],
];

const badModules: readonly Row[] = [
  [
    'NaN in A',
    'LORA_NOT_FINITE',
    [down, 'NaN at 7', '--allow-nonfinite'],
    () => changed(replaced(poisoned(down, [4, 128], 7, Number.NaN))),
  ],
  [
    'infinity in B',
    'LORA_NOT_FINITE',
    [up, 'Infinity at 511'],
    () => changed(replaced(poisoned(up, [128, 4], 511, Number.POSITIVE_INFINITY))),
  ],
  ['A without B', 'LORA_HALF', [layer, 'has no up', down], () => changed(without(/lora_up/))],
  ['B without A', 'LORA_HALF', [layer, 'has no down', up], () => changed(without(/lora_down/))],
  [
    'half a LoHa',
    'LORA_HALF',
    ['hada_w2_b'],
    () =>
      loraFile([
        tensor(`${layer}.hada_w1_a`, [128, 2]),
        tensor(`${layer}.hada_w1_b`, [2, 128]),
        tensor(`${layer}.hada_w2_a`, [128, 2]),
      ]),
  ],
  [
    'rank 0',
    'LORA_RANK_ZERO',
    [layer],
    () => changed(replaced(tensor(down, [0, 128]), tensor(up, [128, 0]))),
  ],
  [
    'a transposed pair',
    'LORA_TRANSPOSED',
    [layer, '[128,4]', '[4,128]'],
    () => changed(replaced(tensor(down, [128, 4]), tensor(up, [4, 128]))),
  ],
  [
    'two ranks',
    'LORA_RANKS_DIFFER',
    [layer, '[4,128]', '[128,8]'],
    () => changed(replaced(tensor(up, [128, 8]))),
  ],
  [
    'alpha NaN',
    'LORA_BAD_ALPHA',
    [alpha, 'NaN'],
    () => changed(replaced(tensor(alpha, [], Float32Array.of(Number.NaN)))),
  ],
  [
    'alpha infinite',
    'LORA_BAD_ALPHA',
    [alpha, 'Infinity'],
    () => changed(replaced(tensor(alpha, [], Float32Array.of(Number.POSITIVE_INFINITY)))),
  ],
  ['many alphas', 'LORA_BAD_ALPHA', [alpha, '[2]'], () => changed(replaced(tensor(alpha, [2])))],
  [
    'integers',
    'LORA_DTYPE',
    [down, 'int8'],
    () =>
      changed(tensors =>
        tensors.map(one => (one.name === down ? { ...one, dtype: 'int8', bytes: new Uint8Array(512) } : one)),
      ),
  ],
  [
    'factors that make no layer',
    'LORA_SHAPE',
    [layer, 'hada_w2_a'],
    () =>
      loraFile([
        tensor(`${layer}.hada_w1_a`, [128, 2]),
        tensor(`${layer}.hada_w1_b`, [2, 128]),
        tensor(`${layer}.hada_w2_a`, [64, 2]),
        tensor(`${layer}.hada_w2_b`, [2, 128]),
      ]),
  ],
];

const otherFiles: readonly Row[] = [
  ['a checkpoint', 'LORA_IS_CHECKPOINT', ['--base'], () => sparse(ldmShapes({ model: 'sd15' }))],
  ['an autoencoder', 'LORA_IS_VAE', ['--vae'], () => named('first_stage_model.decoder.conv_in.weight')],
  [
    'a text encoder',
    'LORA_IS_TEXT_ENCODER',
    ['--text-encoder'],
    () => named('text_model.embeddings.token_embedding.weight'),
  ],
  ['an embedding', 'LORA_IS_EMBEDDING', ['textual inversion'], () => named('emb_params')],
  [
    'a ControlNet',
    'LORA_IS_CONTROLNET',
    ['ControlNet'],
    () => named('control_model.input_blocks.0.0.weight'),
  ],
  ['a file of something else', 'LORA_UNKNOWN', ['none is of one'], () => named('weights.0', 'weights.1')],
  ['a file without tensors', 'LORA_UNKNOWN', ['0 tensors'], () => loraFile([])],
  [
    'a LoRA for Flux',
    'LORA_OTHER_MODEL',
    ['lora_unet_double_blocks_0_img_attn_qkv'],
    () => loraFile(pair('lora_unet_double_blocks_0_img_attn_qkv', [64, 64], 4)),
  ],
  [
    'a LoRA for SDXL',
    'LORA_WRONG_MODEL',
    ['SDXL', 'pocket'],
    () => loraFile(pairs(sdxl, 'kohyaSdxl', /mid_block.*attn2/)),
  ],
  [
    'a LoRA for other widths',
    'LORA_WRONG_MODEL',
    ['pocket', '[4,96]', '[128,128]'],
    () => loraFile(pair('lora_unet_mid_block_attentions_0_proj_in', [96, 96], 4)),
  ],
];

const badFolders: readonly Row[] = [
  ['a folder of something else', 'LORA_MISSING_FILE', ['adapter_config.json'], () => temporaryFolder()],
  [
    'no tensors beside the config',
    'LORA_MISSING_FILE',
    ['adapter_model.safetensors'],
    () => folder('{}', undefined),
  ],
  ['a pickle beside the config', 'FORMAT_PICKLE', ['adapter_model.bin'], () => folder('{}', undefined, true)],
  [
    'a config that is no JSON',
    'LORA_BAD_CONFIG',
    ['adapter_config.json', 'not valid JSON'],
    () => folder('{', peftTensors()),
  ],
  ['alpha as text', 'LORA_BAD_CONFIG', ['lora_alpha'], () => folder('{"lora_alpha":"8"}', peftTensors())],
  [
    'a pattern that is none',
    'LORA_BAD_CONFIG',
    ['"("'],
    () => folder('{"alpha_pattern":{"(":8}}', peftTensors()),
  ],
  [
    'a pattern that takes for ever',
    'LORA_BAD_CONFIG',
    ['too open'],
    () => folder('{"alpha_pattern":{"(a+)+b":8}}', peftTensors()),
  ],
  ['another tuner', 'LORA_OTHER_TUNER', ['ADALORA'], () => folder('{"peft_type":"ADALORA"}', peftTensors())],
  ['nothing there', 'LORA_NOT_FOUND', ['/no/lora'], () => '/no/lora'],
];

/** What a LoRA must fit in these tests: one layer of the embedded model. */
const pocket = {
  layers: [
    { target: 'unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k', shape },
    { target: 'unet.mid_block.attentions.0.proj_in', shape },
  ],
  contextWidth: 128,
  family: 'pocket' as const,
};

const refusing = (file: string, code: string, says: readonly string[]) => {
  let error: unknown;
  try {
    readLora(file, { ...pocket });
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(LoraError);
  const { code: actual, message, hint, exit } = error as LoraError;
  expect(actual).toBe(code);
  expect(exit).toBe('badInput');
  expect(message).toContain(file);
  for (const word of says) expect(`${message} ${hint}`).toContain(word);
};
describe.each([
  ['damaged files', damagedFiles],
  ['modules that cannot be', badModules],
  ['files of another kind', otherFiles],
  ['folders', badFolders],
] as const)('%s', (_, rows) => {
  test.each(rows)('%s: %s', (__, code, says, make) => refusing(make(), code, says));
});

describe('what a load says', () => {
  const base = (file: string, more = {}) => readLora(file, { ...sd15, ...more });
  const attention = /mid_block.*attn2|layers\.0\.self_attn/;
  const whole = pairs(sd15, 'kohya', attention);

  test('applied and skipped are all tensors, each skipped one with its reason', () => {
    const file = loraFile([
      ...whole,
      ...pair('lora_unet_double_blocks_0_img_attn_qkv', [64, 64], 4),
      ...pair('lora_te_text_model_encoder_layers_99_mlp_fc1', [3072, 768], 4),
      ...pair('lora_unet_mid_block_attentions_0_proj_in', [320, 320, 1, 1], 4),
      tensor('bundle_emb.<cat>.clip_l', [2, 768]),
      tensor('something.else', [3]),
      tensor('lora_unet_conv_in.alpha', [], Float32Array.of(1)),
    ]);
    const { report, lora } = base(file);
    expect(report.applied).toBe(whole.length);
    expect(report.applied + report.skipped.length).toBe(openLoraFile(file).tensors);
    expect(lora.modules).toHaveLength(whole.length / 3);
    const reasons = new Map(report.skipped.map(({ key, reason }) => [key, reason]));
    expect(reasons.get('lora_unet_double_blocks_0_img_attn_qkv.alpha')).toContain(
      'no layer of Stable Diffusion',
    );
    expect(reasons.get('lora_te_text_model_encoder_layers_99_mlp_fc1.alpha')).toContain(
      'has no text_encoder',
    );
    expect(reasons.get('lora_unet_mid_block_attentions_0_proj_in.lora_down.weight')).toContain('[4,320,1,1]');
    expect(reasons.get('bundle_emb.<cat>.clip_l')).toContain('embedding');
    expect(reasons.get('something.else')).toContain('not a tensor of a LoRA');
    expect(reasons.get('lora_unet_conv_in.alpha')).toContain('alpha without a module');
    expect(report).toMatchObject({
      coverage: '4/5 UNet, 4/5 text encoder, 0/1 of other models',
      ...{ mismatched: 3, kinds: ['LoRA'], dialect: 'kohya', family: 'SD 1.x', ranks: [4], alphas: [4] },
    });
    expect(report.findings).toEqual([expect.stringContaining('<cat>')]);
  });

  test('strict fails on any skip', () => {
    expect(base(loraFile(whole), { strict: true }).report.skipped).toEqual([]);
    const file = loraFile([...whole, tensor('something.else', [3])]);
    expect(() => base(file, { strict: true })).toThrow(
      expect.objectContaining({ code: 'LORA_STRICT', message: expect.stringContaining('something.else') }),
    );
  });

  test('NaN is read where that is asked', () => {
    const name = 'lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_q';
    const poison = poisoned(`${name}.lora_up.weight`, [1280, 4], 3, Number.NaN);
    const file = loraFile(replaced(poison)(whole));
    expect(() => base(file)).toThrow(expect.objectContaining({ code: 'LORA_NOT_FINITE' }));
    expect(base(file, { allowNonfinite: true }).report.applied).toBe(whole.length);
  });

  test('metadata that says another family than the tensors', () => {
    const { report } = base(loraFile(whole, { ss_base_model_version: 'sdxl_base_v1-0' }));
    expect(report.family).toBe('SD 1.x');
    expect(report.findings).toEqual([
      expect.stringContaining('says sdxl_base_v1-0, the tensors are of SD 1.x'),
    ]);
  });

  test.each([
    ['SDXL', 'SD 1.x', 'kohyaSdxl', sdxl, sd15],
    ['SD 1.x', 'SDXL', 'kohya', sd15, sdxl],
    ['SD 2.x', 'SD 1.x', 'comfySd2', baseOfFamily('sd2'), sd15],
    ['SD 1.x', 'SD 2.x', 'diffusers', sd15, baseOfFamily('sd2')],
  ] as const)('a LoRA for %s on %s', (made, on, naming, from, to) => {
    for (const targets of [/attn2/, /attn1\.|proj_in/, /layers\.0\./]) {
      const file = loraFile(pairs(from, naming, targets));
      const said = (() => {
        try {
          return readLora(file, to).report.family;
        } catch (error) {
          return (error as Error).message;
        }
      })();
      // A text encoder of SDXL alone is that of SD 1.x too; nothing tells them apart, and it fits.
      if (made === 'SD 1.x' && on === 'SDXL' && targets.source.includes('layers'))
        expect(said).toBe('SD 1.x or SDXL');
      else expect(said).toMatch(new RegExp(`was made for ${made}.* the base is ${on}`));
    }
  });
});

describe('alphas and shapes of every sort', () => {
  const attention = 'lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k';
  const projection = 'lora_unet_mid_block_attentions_0_proj_in';
  const one = (bytes: Uint8Array, dtype: WritableTensor['dtype'], size: number[] = []): WritableTensor => ({
    ...{ name: `${attention}.alpha`, dtype },
    ...{ shape: size, bytes },
  });
  test.each([
    ['none', [], 4],
    ['float32', [one(new Uint8Array(Float32Array.of(2).buffer), 'float32')], 2],
    ['float16, [1]', [one(new Uint8Array(Uint16Array.of(0x4000).buffer), 'float16', [1])], 2],
    ['bfloat16', [one(new Uint8Array(Uint16Array.of(0x4000).buffer), 'bfloat16')], 2],
    ['float64', [one(new Uint8Array(Float64Array.of(2).buffer), 'float64')], 2],
    ['int64', [one(new Uint8Array(BigInt64Array.of(2n).buffer), 'int64')], 2],
    ['int32, [1,1]', [one(new Uint8Array(Int32Array.of(2).buffer), 'int32', [1, 1])], 2],
    // LyCORIS and kohya take 0 for "no scaling".
    ['0', [one(new Uint8Array(Float32Array.of(0).buffer), 'float32')], 4],
  ] as const)('alpha %s', (_, alphas, expected) => {
    const matrices = pair(attention, [1280, 768], 4).filter(({ name }) => !name.endsWith('.alpha'));
    expect(readLora(loraFile([...matrices, ...alphas]), sd15).lora.modules[0].alpha).toBe(expected);
  });

  test('linear layers as 1×1 convolutions, and the reverse', () => {
    const file = loraFile([...pair(attention, [1280, 768, 1, 1], 4), ...pair(projection, [1280, 1280], 4)]);
    const { modules } = readLora(file, { ...sd15, strict: true }).lora;
    expect(modules.map(({ tensors: { down: a, up: b } }) => [a?.shape, b?.shape])).toEqual([
      [
        [4, 1280, 1, 1],
        [1280, 4, 1, 1],
      ],
      [
        [4, 768],
        [1280, 4],
      ],
    ]);
  });

  test('mixed types in one file, fp8 among them', () => {
    const [a, b, c] = pair(attention, [1280, 768], 4);
    const small = { ...a, dtype: 'float8_e4m3' as const, bytes: new Uint8Array(4 * 768).fill(0x38) };
    const half = {
      ...b,
      dtype: 'bfloat16' as const,
      bytes: new Uint8Array(Uint16Array.from({ length: 5120 }, () => 0x3f80).buffer),
    };
    const { tensors } = readLora(loraFile([small, half, c]), sd15).lora.modules[0];
    expect([tensors.down?.data[0], tensors.up?.data[0]]).toEqual([1, 1]);
  });

  test('two namings of one layer: the first counts, the other is told', () => {
    const base = { ...sdxl };
    const both = [
      ...pairs(sdxl, 'kohyaSdxl', /mid_block.*0\.attn2\.to_k/),
      ...pairs(sdxl, 'kohyaSdxlDiffusers', /mid_block.*0\.attn2\.to_k/),
    ];
    const { report } = readLora(loraFile(both), base);
    expect(report.skipped).toHaveLength(3);
    for (const { key, reason } of report.skipped) {
      expect(key).toContain('middle_block');
      expect(reason).toContain('twice');
    }
  });
});

describe('which text encoder a folder of PEFT is for', () => {
  const tensors = (width: number): WritableTensor[] => [
    tensor('base_model.model.text_model.encoder.layers.0.mlp.fc1.lora_A.weight', [4, width]),
    tensor('base_model.model.text_model.encoder.layers.0.mlp.fc1.lora_B.weight', [4 * width, 4]),
  ];
  const target = (part: string): string => `${part}.text_model.encoder.layers.0.mlp.fc1`;
  const written = (into: string, width: number): void => {
    mkdirSync(into, { recursive: true });
    writeFileSync(join(into, 'adapter_config.json'), '{"lora_alpha":8}');
    writeFileSync(join(into, 'adapter_model.safetensors'), serializeSafetensors(tensors(width)));
  };

  test.each([
    ['adapter', 768, 'text_encoder'],
    ['adapter', 1280, 'text_encoder_2'],
    ['text_encoder_2', 768, 'text_encoder_2'],
  ] as const)('%s, %i wide', (name, width, part) => {
    const into = join(temporaryFolder(), name);
    written(into, width);
    expect(openLoraFile(into).modules.map(entry => [entry.target, entry.alpha])).toEqual([[target(part), 8]]);
  });

  test('one folder with both', () => {
    const into = temporaryFolder();
    written(join(into, 'text_encoder'), 768);
    written(join(into, 'text_encoder_2'), 1280);
    const { lora, report } = readLora(into, { ...sdxl, strict: true });
    expect(lora.modules.map(module => module.target)).toEqual([
      target('text_encoder'),
      target('text_encoder_2'),
    ]);
    expect(report.coverage).toBe('1/1 text encoder, 1/1 text encoder 2');
  });
});

test('a layer that the base has in another shape is left out, with both shapes', () => {
  const layers = sd15.layers.map(one =>
    one.target === 'unet.conv_in' ? { ...one, shape: [320, 9, 3, 3] } : one,
  );
  const file = loraFile(pairs(sd15, 'kohya', /conv_in|mid_block.*attn2/));
  const { report } = readLora(file, { ...sd15, layers });
  expect(report).toMatchObject({ mismatched: 3, coverage: '4/5 UNet', kinds: ['LoRA'] });
  for (const { reason } of report.skipped) expect(reason).toContain('[320,9,3,3]');
});

test('names of any sort are read or skipped, never anything else', () => {
  const words = fc.constantFrom(
    ...[
      'lora_unet_',
      'lora_te2_',
      'unet.',
      'text_encoder.',
      'base_model.model.',
      'diffusion_model.',
      'lycoris_',
      '',
    ],
    ...[
      'down_blocks',
      'input_blocks_4_1_',
      'mid_block',
      'attentions',
      '.0.',
      '_0_',
      'attn1',
      'to_q',
      'proj_in',
      'conv_in',
    ],
    ...[
      '.lora_down.weight',
      '.lora_A.x.weight',
      '.alpha',
      '.weight',
      '.on_input',
      '.oft_blocks',
      '.lokr_w1',
      '.diff',
    ],
    ...['constructor', '__proto__', 'toString', '#', '*', '\\', '𝔩', ' '],
  );
  const names = fc.uniqueArray(
    fc.array(words, { minLength: 1, maxLength: 6 }).map(parts => parts.join('')),
    {
      minLength: 1,
      maxLength: 12,
    },
  );
  const shapes = fc.array(fc.nat(5), { maxLength: 4 });
  fc.assert(
    fc.property(names, fc.array(shapes, { minLength: 12, maxLength: 12 }), (given, sizes) => {
      const usable = given.filter(name => name !== '__metadata__' && name !== '');
      const made = loraFile(usable.map((name, i) => tensor(name, sizes[i])));
      const file = openLoraFile(made, { tolerant: true });
      const used = file.modules.reduce((sum, { keys }) => sum + keys.size, 0);
      expect(used + file.skipped.length).toBe(usable.length);
      for (const entry of file.modules) {
        try {
          file.read(entry);
        } catch (error) {
          expect(error).toBeInstanceOf(LoraError);
          expect((error as LoraError).message).toContain(entry.name);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('any change of any byte is read or refused, never anything else', () => {
  const file = loraFile(good());
  const bytes = readFileSync(file);
  const headerEnd = 8 + Number(bytes.readBigUInt64LE());
  fc.assert(
    fc.property(fc.nat(headerEnd + 64), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const copy = Buffer.from(bytes);
      copy[at % copy.length] ^= flip;
      const made = textFile('lora.safetensors', copy);
      try {
        const opened = openLoraFile(made);
        for (const entry of opened.modules) opened.read(entry);
      } catch (error) {
        expect(error).toBeInstanceOf(LoraError);
        expect((error as LoraError).message).toContain(made);
        expect((error as LoraError).exit).toBe('badInput');
      }
    }),
    { numRuns: 400 },
  );
});

describe('lora convert', () => {
  const layerOf15 = 'lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k';
  const plain = (): string => loraFile(pair(layerOf15, [1280, 768], 4));
  const dora = (magnitude: number[]): string =>
    loraFile([...pair(layerOf15, [1280, 768], 4), tensor(`${layerOf15}.dora_scale`, magnitude)]);
  const loha = (first = 1): string => {
    const [w1b, w2b] = ['hada_w1_b', 'hada_w2_b'].map(role => tensor(`${layerOf15}.${role}`, [2, 768]));
    const numbers = hashed('w1a', [1280, 2]);
    numbers[0] = first;
    const [w1a, w2a] = [numbers, undefined].map((data, i) =>
      tensor(`${layerOf15}.hada_w${i + 1}_a`, [1280, 2], data),
    );
    return loraFile([w1a, w1b, w2a, w2b]);
  };
  const baked = (...options: string[]) => ['kohya', 'x.safetensors', ['--bake', ...options]] as const;

  test.each([
    ['a name of something else', 2, 'OUT_NOT_SAFETENSORS', plain, 'diffusers', 'x.ckpt', []],
    ['a file for a folder', 2, 'OUT_NOT_FOLDER', plain, 'peft', 'x.safetensors', []],
    ['another dialect', 2, 'OPTION_INVALID', plain, 'a1111', 'x.safetensors', []],
    ['another type', 2, 'OPTION_INVALID', plain, 'kohya', 'x.safetensors', ['--precision', 'int4']],
    [
      'nothing that tells the family',
      2,
      'FAMILY_NEEDED',
      () => loraFile(pairs(sdxl, 'diffusers', /text_encoder\..*layers\.0\.mlp/)),
      ...(['kohya', 'x.safetensors', []] as const),
    ],
    ['DoRA by inputs', 3, 'CONVERT_NO_WORD', () => dora([1, 768]), 'diffusers', 'x.safetensors', []],
    [
      'DoRA on some layers',
      3,
      'CONVERT_NO_WORD',
      () =>
        loraFile([
          ...pair(layerOf15, [1280, 768], 4),
          ...pair(layerOf15.replace('to_k', 'to_v'), [1280, 768], 4),
          tensor(`${layerOf15}.dora_scale`, [1280, 1]),
        ]),
      ...(['peft', 'x', []] as const),
    ],
    [
      'a change of norms',
      3,
      'CONVERT_NO_WORD',
      () => loraFile([tensor('lora_unet_conv_norm_out.w_norm', [320])]),
      'peft',
      'x',
      [],
    ],
    [
      'a change of norms, baked',
      3,
      'CONVERT_NO_WORD',
      () => loraFile([tensor('lora_unet_conv_norm_out.w_norm', [320])]),
      ...(['peft', 'x', ['--bake']] as const),
    ],
    [
      'a bias on some layers, baked',
      3,
      'CONVERT_NO_WORD',
      () =>
        loraFile([
          ...pair(layerOf15, [1280, 768], 4),
          ...pair(layerOf15.replace('to_k', 'to_v'), [1280, 768], 4),
          tensor(`${layerOf15}.diff_b`, [1280]),
        ]),
      ...(['peft', 'x', ['--bake']] as const),
    ],
    ['DoRA baked without its base', 2, 'CONVERT_NEEDS_BASE', () => dora([1, 768]), ...baked()],
    [
      'DoRA baked on another model',
      3,
      'LORA_WRONG_MODEL',
      () => dora([1, 768]),
      ...baked('--base', 'pocket'),
    ],
    ['a rank of 0', 2, 'RANK_RULE', () => dora([1, 768]), ...baked('--rank', '0')],
    ['two rules of ranks', 2, 'RANK_RULE', () => dora([1, 768]), ...baked('--rank', '4', '--keep', '0.9')],
    ['more than all of the energy', 2, 'RANK_RULE', loha, ...baked('--keep', '1.5')],
    ['a rank without --bake', 2, 'OPTION_INVALID', plain, 'kohya', 'x.safetensors', ['--rank', '4']],
    ['a base without --bake', 2, 'OPTION_INVALID', plain, 'kohya', 'x.safetensors', ['--base', 'pocket']],
    ['NaN, baked', 3, 'LORA_NOT_FINITE', () => loha(Number.NaN), ...baked('--allow-nonfinite')],
    [
      'a number that float16 cannot hold',
      1,
      'WEIGHT_TOO_LARGE',
      () =>
        loraFile(
          replaced(poisoned(`${layerOf15}.lora_up.weight`, [1280, 4], 9, 70000))(
            pair(layerOf15, [1280, 768], 4),
          ),
        ),
      ...(['diffusers', 'x.safetensors', ['--precision', 'fp16']] as const),
    ],
    [
      'NaN',
      3,
      'LORA_NOT_FINITE',
      () =>
        loraFile(
          replaced(poisoned(`${layerOf15}.lora_up.weight`, [1280, 4], 9, Number.NaN))(
            pair(layerOf15, [1280, 768], 4),
          ),
        ),
      ...(['diffusers', 'x.safetensors', []] as const),
    ],
    [
      'a LoRA for Flux',
      3,
      'LORA_OTHER_MODEL',
      () => loraFile(pair('lora_unet_double_blocks_0_img_attn_qkv', [64, 64], 4)),
      'diffusers',
      'x.safetensors',
      [],
    ],
    [
      'a checkpoint',
      3,
      'LORA_IS_CHECKPOINT',
      () => named('model.diffusion_model.out.2.weight'),
      'diffusers',
      'x.safetensors',
      [],
    ],
  ] as const)('%s: exit %i, %s, and nothing is written', async (_, code, name, make, to, out, options) => {
    const into = temporaryFolder();
    const target = join(into, out);
    const outcome = await runHere(convertCommand(), make(), '--to', to, '--out', target, ...options);
    expect(outcome.stderr).toContain(`error ${name}:`);
    expect(outcome.status).toBe(code);
    expect(readdirSync(into)).toEqual([]);
  });

  test('what is there stays', async () => {
    const target = path('there.safetensors');
    writeFileSync(target, 'mine');
    const { status, stderr } = await runHere(convertCommand(), plain(), '--to', 'diffusers', '--out', target);
    expect(stderr).toContain('error OUT_EXISTS:');
    expect(status).toBe(2);
    expect(readFileSync(target, 'utf8')).toBe('mine');
  });

  test('DoRA by outputs goes to Diffusers and back, NaN where it is asked for, and what is left out is told', async () => {
    const [there, back] = [path('there.safetensors'), path('back.safetensors')];
    await runHere(convertCommand(), dora([1280, 1]), '--to', 'diffusers', '--out', there);
    await runHere(convertCommand(), there, '--to', 'kohya', '--out', back);
    expect(
      openLoraFile(back).modules.map(entry => [entry.kind, entry.hasMagnitude, entry.shapes.magnitude]),
    ).toEqual([['lora', true, [1280, 1]]]);
    const poison = loraFile([
      ...replaced(poisoned(`${layerOf15}.lora_up.weight`, [1280, 4], 9, Number.NaN))(
        pair(layerOf15, [1280, 768], 4),
      ),
      tensor('bundle_emb.<cat>.clip_l', [2, 768]),
    ]);
    const target = path('out.safetensors');
    const { status, stderr } = await runHere(
      convertCommand(),
      poison,
      '--to',
      'diffusers',
      '--out',
      target,
      '--allow-nonfinite',
    );
    expect(status).toBe(0);
    expect(stderr).toContain('left out: bundle_emb.<cat>.clip_l');
    expect(() => readLora(target, sd15)).toThrow(expect.objectContaining({ code: 'LORA_NOT_FINITE' }));
  });
});

test('the command says so, ends with 3 and writes nothing', async () => {
  const out = join(temporaryFolder(), 'picture.png');
  const bad = changed(replaced(poisoned(down, [4, 128], 7, Number.NaN)));
  const { status, stderr } = await runHere(generateCommand(), 'a cat', '--lora', bad, '--out', out);
  expect(stderr).toContain('error LORA_NOT_FINITE:');
  expect(stderr).toContain(`${down} holds NaN at 7`);
  expect(status).toBe(3);
  expect(existsSync(out)).toBe(false);
});
