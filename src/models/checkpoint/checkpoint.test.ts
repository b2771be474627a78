/** A small base of each kind, made here: what fits is opened, and every part answers what does not fit. */
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hashed } from '../../../test/golden/hashed-weights.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { bytesPerElement, type DType, type Shape, type Tensor } from '../../engine/index.ts';
import { floatTensorBytes, serializeSafetensors } from '../../files/index.ts';
import { clipShapes } from '../clip/shapes.ts';
import { pooledPlace } from '../clip/text-encoder.ts';
import {
  checkFiniteWeights,
  openCheckpoint,
  openTextConditioner,
  openUnet,
  openVaeDecoder,
  openVaeEncoder,
  openWeights,
  type Part,
} from '../index.ts';
import type { Shapes } from '../shapes.ts';
import { unetShapes } from '../unet/shapes.ts';
import { vaeShapes } from '../vae/shapes.ts';
import { readClipConfig, readUnetConfig, readVaeConfig } from './config-files.ts';

type Json = Record<string, unknown>;

function writeJson(folder: string, name: string, json: Json): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), JSON.stringify(json));
}

function writeTensors(path: string, shapes: ReadonlyMap<string, Shape>): void {
  const tensors = [...shapes].map(([name, shape]) => ({
    ...{ name, shape, dtype: 'float32' as const },
    bytes: floatTensorBytes({ shape, data: hashed(name, shape) }, 'float32'),
  }));
  writeFileSync(path, serializeSafetensors(tensors));
}

const clip = {
  ...{
    vocab_size: 666,
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 2,
  },
  ...{ max_position_embeddings: 32, projection_dim: 12, eos_token_id: 2 },
};
const configs = {
  unet: {
    ...{ block_out_channels: [16, 32], norm_num_groups: 8, layers_per_block: 1, sample_size: 8 },
    ...{ down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D'], attention_head_dim: [2, 4] },
    ...{ up_block_types: ['CrossAttnUpBlock2D', 'UpBlock2D'], use_linear_projection: true },
  },
  vae: {
    ...{ block_out_channels: [8, 16], norm_num_groups: 4 },
    down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'],
    up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'],
  },
  sdxl: {
    ...{ cross_attention_dim: 32, addition_embed_type: 'text_time', addition_time_embed_dim: 4 },
    projection_class_embeddings_input_dim: 36,
  },
};

/** Files of a part: its config, and the tensors that the config asks for, as `change` would have them. */
type Change = (part: string, shapes: Shapes) => Shapes | undefined;

function writeBase(
  sdxl: boolean,
  changes: Readonly<Record<string, Json>> = {},
  change: Change = () => undefined,
) {
  const base = temporaryFolder();
  const part = <C>(
    name: string,
    json: Json,
    read: (folder: string) => C,
    shapesOf: (config: C) => Shapes,
  ) => {
    const folder = join(base, name);
    writeJson(folder, 'config.json', json);
    const shapes = shapesOf(read(folder));
    const file = name.startsWith('text') ? 'model' : 'diffusion_pytorch_model';
    writeJson(folder, 'config.json', { ...json, ...changes[name] });
    writeTensors(join(folder, `${file}.safetensors`), change(name, shapes) ?? shapes);
  };
  part(
    'unet',
    { ...configs.unet, ...(sdxl ? configs.sdxl : { cross_attention_dim: 16 }) },
    readUnetConfig,
    unetShapes,
  );
  part('vae', configs.vae, readVaeConfig, vaeShapes);
  for (const suffix of sdxl ? ['', '_2'] : ['']) {
    part(`text_encoder${suffix}`, clip, readClipConfig, config =>
      clipShapes(config, { projects: suffix !== '' }),
    );
    const tokenizer = join(base, `tokenizer${suffix}`);
    mkdirSync(tokenizer);
    for (const name of ['vocab.json', 'merges.txt'])
      copyFileSync(`pretrained/pocket/tokenizer/${name}`, join(tokenizer, name));
    const settings = { model_max_length: 32, pad_token: suffix ? '!' : '<|endoftext|>' };
    writeJson(tokenizer, 'tokenizer_config.json', { ...settings, ...changes[`tokenizer${suffix}`] });
  }
  writeJson(join(base, 'scheduler'), 'scheduler_config.json', changes.scheduler ?? {});
  return base;
}

const without =
  (part: string, name: string): Change =>
  (at, shapes) =>
    at === part ? new Map([...shapes].filter(([key]) => key !== name)) : undefined;
const reshaped =
  (part: string, name: string, shape: Shape): Change =>
  (at, shapes) =>
    at === part ? new Map([...shapes, [name, shape]]) : undefined;

describe('what fits is opened', () => {
  test('SDXL: two text encoders side by side, pooled text from the second', async () => {
    const checkpoint = openCheckpoint(writeBase(true));
    expect(checkpoint).toMatchObject({ family: 'sdxl', resolution: 16, latentScale: 2 });
    const conditioner = await openTextConditioner(checkpoint);
    const { context, pooled } = await conditioner.encode('a red cat');
    await conditioner.release();
    expect([context.shape, pooled?.shape]).toEqual([
      [1, 32, 32],
      [1, 12],
    ]);
  });

  test('the pooled state is that of the first end token, told by the legacy id 2 too (transformers#24773)', () => {
    for (const endTokenId of [99, 2]) {
      expect(pooledPlace([98, 5, 17, 3, 99, 99, 99, 99], { endTokenId })).toBe(4);
      expect(pooledPlace([98, 2, 2, 3, 99, 0, 0, 0], { endTokenId })).toBe(4);
    }
  });

  test('old names of the autoencoder’s attention are read as the new ones', () => {
    const old: Change = (part, shapes) => {
      if (part !== 'vae') return undefined;
      const rename = (name: string): string =>
        name.replace(/to_(q|k|v|out\.0)\./, (_, which: keyof typeof olds) => `${olds[which]}.`);
      const olds = { q: 'query', k: 'key', v: 'value', 'out.0': 'proj_attn' };
      return new Map([...shapes].map(([name, shape]) => [rename(name), shape]));
    };
    const base = writeBase(false, {}, old);
    const { weights } = openCheckpoint(base).vae;
    expect(weights.has('encoder.mid_block.attentions.0.to_q.weight')).toBe(true);
    const stored = hashed('decoder.mid_block.attentions.0.proj_attn.weight', [16, 16]);
    expect(weights.read('decoder.mid_block.attentions.0.to_out.0.weight')).toEqual(stored);
  });

  test('a text encoder without prefix, with position ids and a projection that nothing reads', () => {
    const other: Change = (part, shapes) =>
      part === 'text_encoder'
        ? new Map([
            ...[...shapes].map(([name, shape]) => [name.replace('text_model.', ''), shape] as const),
            ['text_projection.weight', [12, 16]],
            ['embeddings.position_ids', [1, 32]],
          ])
        : undefined;
    const { weights, config } = openCheckpoint(writeBase(false, {}, other)).textEncoder;
    expect([...weights.names()].sort()).toEqual([...clipShapes(config, { projects: false }).keys()].sort());
  });

  test('an inpainting UNet: it reads a mask and masked latents after the latents', () => {
    const base = writeBase(false, { unet: { in_channels: 9 } }, (part, shapes) =>
      part === 'unet' ? new Map([...shapes, ['conv_in.weight', [16, 9, 3, 3]]]) : undefined,
    );
    const { variant, unet, findings } = openCheckpoint(base);
    expect([variant, unet.config.inChannels]).toEqual(['inpaint', 9]);
    expect(findings).toEqual([expect.stringContaining('an inpainting model')]);
  });

  test.each([
    'diffusion_pytorch_model.safetensors.index.fp16.json',
    'diffusion_pytorch_model.fp16.safetensors.index.json',
  ])('shards of a half-precision variant: %s', name => {
    const base = writeBase(false);
    const folder = join(base, 'unet');
    const shapes = unetShapes(readUnetConfig(folder));
    rmSync(join(folder, 'diffusion_pytorch_model.safetensors'));
    const shard = 'diffusion_pytorch_model.fp16-00001-of-00001.safetensors';
    writeTensors(join(folder, shard), shapes);
    writeJson(folder, name, { weight_map: Object.fromEntries([...shapes.keys()].map(key => [key, shard])) });
    expect(openCheckpoint(base).unet.files).toEqual([join(folder, shard)]);
  });

  test('shards that an index lists', () => {
    const base = writeBase(false);
    const folder = join(base, 'unet');
    const shapes = [...unetShapes(readUnetConfig(folder))];
    rmSync(join(folder, 'diffusion_pytorch_model.safetensors'));
    writeTensors(join(folder, 'a.safetensors'), new Map(shapes.slice(0, 20)));
    writeTensors(join(folder, 'b.safetensors'), new Map(shapes.slice(20)));
    const weight_map = Object.fromEntries(
      shapes.map(([name], i) => [name, i < 20 ? 'a.safetensors' : 'b.safetensors']),
    );
    const index = (map: Json): void =>
      writeJson(folder, 'diffusion_pytorch_model.safetensors.index.json', { weight_map: map });
    const code = (): unknown => {
      try {
        return openCheckpoint(base).unet.files.length;
      } catch (error) {
        return (error as { code?: string }).code;
      }
    };
    index(weight_map);
    expect(code()).toBe(2);
    index({ ...weight_map, x: 'c.safetensors' });
    expect(code()).toBe('CHECKPOINT_MISSING_FILE');
    index({ ...weight_map, x: '../vae/diffusion_pytorch_model.safetensors' });
    expect(code()).toBe('CHECKPOINT_BAD_CONFIG');
    index({ a: 'a.safetensors' });
    expect(code()).toBe('CHECKPOINT_MISSING_TENSOR');
    index({});
    expect(code()).toBe('CHECKPOINT_BAD_CONFIG');
  });
});

interface Bad {
  readonly what: string;
  readonly code: string;
  /** What the message must say. */
  readonly says: readonly string[];
  readonly sdxl?: boolean;
  readonly configs?: Readonly<Record<string, Json>>;
  readonly change?: Change;
  readonly after?: (base: string) => void;
}

const norm = 'text_model.final_layer_norm.weight';
test.each<Bad>([
  {
    ...{
      what: 'a VAE tensor missing',
      code: 'CHECKPOINT_MISSING_TENSOR',
      says: ['vae', 'decoder.conv_in.bias'],
    },
    change: without('vae', 'decoder.conv_in.bias'),
  },
  {
    ...{ what: 'a VAE tensor of a wrong shape', code: 'CHECKPOINT_WRONG_SHAPE' },
    says: ['encoder.conv_in.weight', '[8,4,3,3]', '[8,3,3,3]'],
    change: reshaped('vae', 'encoder.conv_in.weight', [8, 4, 3, 3]),
  },
  {
    ...{ what: 'a text tensor missing', code: 'CHECKPOINT_MISSING_TENSOR', says: ['text_encoder', norm] },
    change: without('text_encoder', norm),
  },
  {
    ...{
      what: 'a text tensor of a wrong shape',
      code: 'CHECKPOINT_WRONG_SHAPE',
      says: [norm, '[4]', '[16]'],
    },
    change: reshaped('text_encoder_2', norm, [4]),
    sdxl: true,
  },
  {
    ...{ what: 'no projection', code: 'CHECKPOINT_MISSING_TENSOR', says: ['text_projection.weight'] },
    change: without('text_encoder_2', 'text_projection.weight'),
    sdxl: true,
  },
  {
    ...{ what: 'a tensor of no known part', code: 'CHECKPOINT_BAD_CONFIG', says: ['class_embedding.weight'] },
    change: reshaped('unet', 'class_embedding.weight', [10, 64]),
  },
  {
    ...{ what: 'an editing UNet', code: 'CHECKPOINT_IP2P_NOT_SUPPORTED', says: ['8 channels'] },
    configs: { unet: { in_channels: 8 } },
    change: reshaped('unet', 'conv_in.weight', [16, 8, 3, 3]),
  },
  {
    ...{ what: 'a depth UNet', code: 'CHECKPOINT_DEPTH_NOT_SUPPORTED', says: ['depth'] },
    configs: { unet: { in_channels: 5 } },
    change: reshaped('unet', 'conv_in.weight', [16, 5, 3, 3]),
  },
  {
    ...{ what: 'a UNet of unknown input', code: 'CHECKPOINT_BAD_CONFIG', says: ['7 channels', 'have 4'] },
    configs: { unet: { in_channels: 7 } },
    change: reshaped('unet', 'conv_in.weight', [16, 7, 3, 3]),
  },
  {
    ...{
      what: 'no second text encoder',
      code: 'CHECKPOINT_MISSING_FILE',
      says: ['text_encoder_2'],
      sdxl: true,
    },
    after: base => rmSync(join(base, 'text_encoder_2'), { recursive: true }),
  },
  {
    ...{ what: 'no second tokenizer', code: 'TOKENIZER_MISSING_FILE', says: ['tokenizer_2'], sdxl: true },
    after: base => rmSync(join(base, 'tokenizer_2'), { recursive: true }),
  },
  {
    ...{ what: 'another end token', code: 'CHECKPOINT_BAD_CONFIG', says: ['token 7', '665'], sdxl: true },
    configs: { text_encoder_2: { eos_token_id: 7 } },
  },
  {
    ...{ what: 'more tokens than positions', code: 'CHECKPOINT_BAD_CONFIG', says: ['77', '32'] },
    configs: { tokenizer: { model_max_length: 77 } },
  },
  {
    ...{ what: 'a tokenizer of another model', code: 'CHECKPOINT_BAD_CONFIG', says: ['5000', '666'] },
    after: base => {
      const path = join(base, 'tokenizer/vocab.json');
      const vocabulary: Json = JSON.parse(readFileSync(path, 'utf8'));
      writeFileSync(path, JSON.stringify({ ...vocabulary, new: 5000 }));
    },
  },
  {
    ...{ what: 'text encoder of another width', code: 'CHECKPOINT_BAD_CONFIG', says: ['width 32', '16'] },
    sdxl: false,
    configs: { unet: { cross_attention_dim: 32 } },
    change: (part, shapes) =>
      part === 'unet'
        ? new Map(
            [...shapes].map(([name, shape]) => [name, /attn2\.to_[kv]/.test(name) ? [shape[0], 32] : shape]),
          )
        : undefined,
  },
  {
    ...{ what: 'a pickled text encoder', code: 'FORMAT_PICKLE', says: ['pytorch_model.bin'] },
    after: base => {
      rmSync(join(base, 'text_encoder/model.safetensors'));
      writeFileSync(join(base, 'text_encoder/pytorch_model.bin'), '');
    },
  },
])('$what: $code', ({ code, says, sdxl = false, configs: changed, change, after }) => {
  const base = writeBase(sdxl, changed, change);
  after?.(base);
  let error: unknown;
  try {
    openCheckpoint(base);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ code, exit: 'badInput' });
  for (const words of says) expect((error as Error).message).toContain(words);
});

/** Overwrites the first number of a tensor in its file. */
function poison({ weights }: Part<unknown>, name: string, value: number): void {
  const bytes = weights.bytes(name);
  if (!('path' in bytes)) throw new Error(`${name} is in memory`);
  const handle = openSync(bytes.path, 'r+');
  writeSync(handle, new Uint8Array(Float32Array.of(value).buffer), 0, 4, bytes.offset);
  closeSync(handle);
}

describe('NaN', () => {
  test.each([
    ['unet', 'conv_out.weight', Number.NaN],
    ['vae', 'decoder.conv_out.bias', Number.POSITIVE_INFINITY],
    ['textEncoder', norm, Number.NEGATIVE_INFINITY],
  ] as const)('in the %s of a small base is found when it is opened', (part, name, value) => {
    const base = writeBase(false);
    poison(openCheckpoint(base)[part], name, value);
    expect(() => openCheckpoint(base)).toThrow(
      expect.objectContaining({
        code: 'CHECKPOINT_NOT_FINITE',
        message: expect.stringContaining(`${name} holds ${value} at 0`),
      }),
    );
  });

  test('in a base that was opened without looking is named once it spoils a result', async () => {
    const checkpoint = openCheckpoint(writeBase(false));
    const { unet, vae, textEncoder } = checkpoint;
    const zeros = (...shape: number[]): Tensor => ({
      shape,
      data: new Float32Array(shape.reduce((a, b) => a * b)),
    });
    const spoiled = (name: string) => ({
      code: 'CHECKPOINT_NOT_FINITE',
      message: expect.stringContaining(name),
    });

    poison(textEncoder, norm, Number.NaN);
    const conditioner = await openTextConditioner(checkpoint);
    await expect(conditioner.encode('a cat')).rejects.toMatchObject(spoiled(norm));

    poison(vae, 'encoder.conv_in.bias', Number.NaN);
    const encoder = openVaeEncoder(checkpoint);
    await expect(encoder.encode(zeros(1, 3, 16, 16))).rejects.toMatchObject(spoiled('encoder.conv_in.bias'));
    poison(vae, 'encoder.conv_in.bias', 0);
    poison(vae, 'decoder.conv_in.bias', Number.NaN);
    const decoder = openVaeDecoder(checkpoint);
    await expect(decoder.decode(zeros(1, 4, 8, 8))).rejects.toMatchObject(spoiled('decoder.conv_in.bias'));

    const context = zeros(1, 32, 16);
    const sample = zeros(1, 4, 8, 8);
    const size = { batch: 1, height: 8, width: 8, tokens: 32 };
    const sound = await openUnet(checkpoint, size);
    // A prediction that is not finite for another reason is given as it is.
    sample.data[0] = Number.NaN;
    expect((await sound.predict(sample, 5, { context })).data.some(Number.isNaN)).toBe(true);
    sample.data[0] = 0;
    poison(unet, 'conv_in.bias', Number.NaN);
    const broken = await openUnet(checkpoint, size);
    await expect(broken.predict(sample, 5, { context })).rejects.toMatchObject(spoiled('conv_in.bias'));
    for (const session of [conditioner, encoder, decoder, sound, broken]) await session.release();
  });

  test('bfloat16, half and both kinds of float8 are told by their bits', () => {
    const path = join(temporaryFolder(), 'x.safetensors');
    const found = (dtype: DType, ...bytes: number[]): boolean => {
      const count = bytes.length / bytesPerElement[dtype];
      writeFileSync(
        path,
        serializeSafetensors([{ name: 'x', dtype, shape: [count], bytes: Uint8Array.from(bytes) }]),
      );
      try {
        checkFiniteWeights(openWeights(dirname(path), 'x'));
        return false;
      } catch (error) {
        expect(error).toMatchObject({ code: 'CHECKPOINT_NOT_FINITE' });
        return true;
      }
    };
    // The largest finite number, then infinity or NaN; little-endian.
    expect(found('float16', 0xff, 0x7b)).toBe(false);
    expect(found('float16', 0, 0, 0, 0xfc)).toBe(true);
    expect(found('bfloat16', 0x7f, 0x7f)).toBe(false);
    expect(found('bfloat16', 0, 0, 0x80, 0x7f)).toBe(true);
    expect(found('float8_e4m3', 0x7e, 0xfe)).toBe(false);
    expect(found('float8_e4m3', 0x7e, 0xff)).toBe(true);
    expect(found('float8_e5m2', 0x7b, 0xfb)).toBe(false);
    expect(found('float8_e5m2', 0x7b, 0x7c)).toBe(true);
    expect(found('float64', 0, 0, 0, 0, 0, 0, 0xf0, 0x7f)).toBe(true);
    expect(found('int8', 0xff, 0x7f)).toBe(false);
  });
});
