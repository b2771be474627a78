/** Checkpoints as people really have them, whole and broken: named for what they are, with a stable code and exit 3. */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkpointCommand } from '../../src/cli/commands/checkpoint.ts';
import { trainCommand } from '../../src/cli/commands/train.ts';
import { openSafetensors } from '../../src/files/index.ts';
import { checkpointFacts, openCheckpoint } from '../../src/models/index.ts';
import { type Outcome, runHere } from '../support/command-line.ts';
import {
  ldmShapes,
  type MakeOptions,
  makeCheckpoint,
  type TensorShape,
  writeSparse,
} from '../support/make-checkpoint.ts';
import { pictureFolder, temporaryFolder } from '../support/pictures.ts';

const path = (name = 'model.safetensors'): string => join(temporaryFolder(), name);

/** A single file of the real shapes; the data is a hole, so that it takes no disk. */
function single(
  options: MakeOptions,
  change: (tensors: TensorShape[]) => TensorShape[] = tensors => tensors,
  metadata: Record<string, string> = {},
): string {
  const file = path();
  writeSparse(file, change(ldmShapes(options)), metadata);
  return file;
}

const without = (pattern: RegExp) => (tensors: TensorShape[]) =>
  tensors.filter(({ name }) => !pattern.test(name));
const only = (pattern: RegExp) => (tensors: TensorShape[]) =>
  tensors.filter(({ name }) => pattern.test(name));
const renamed = (from: RegExp, to: string) => (tensors: TensorShape[]) =>
  tensors.map(tensor => ({ ...tensor, name: tensor.name.replace(from, to) }));
const plus =
  (...names: string[]) =>
  (tensors: TensorShape[]): TensorShape[] => [
    ...tensors,
    ...names.map(name => ({ name, dtype: 'float16' as const, shape: [4] })),
  ];
const file = (...names: string[]): string => {
  const made = path();
  writeSparse(made, plus(...names)([]));
  return made;
};

const lora = (...options: string[]): Promise<Outcome> => runHere(checkpointCommand(), ...options);

async function refused(
  code: string,
  says: readonly string[],
  outcome: Promise<Outcome>,
  status = 3,
): Promise<void> {
  const { stderr, status: actual } = await outcome;
  expect(stderr).toContain(`error ${code}:`);
  for (const word of says) expect(stderr).toContain(word);
  expect(actual).toBe(status);
}

const unet = /^model\.diffusion_model\./;
const sd15: MakeOptions = { model: 'sd15' };
let good: string;
beforeAll(() => {
  good = single(sd15);
});

describe('recognised by the tensors', () => {
  test.each([
    ['sd15', 'SD 1.x', 'sd15', 'base', 512],
    ['sd2', 'SD 2.x', 'sd2', 'base', 512],
    ['sdxl', 'SDXL', 'sdxl', 'base', 1024],
    ['ssd-1b', 'SSD-1B', 'sdxl', 'ssd-1b', 1024],
    ['vega', 'Segmind Vega', 'sdxl', 'vega', 1024],
  ] as const)('%s', (model, name, family, variant, resolution) => {
    const facts = checkpointFacts(single({ model }));
    expect(facts).toMatchObject({
      model: name,
      family,
      variant,
      resolution,
      refusal: undefined,
      missing: [],
    });
    expect(facts.findings).toEqual([]);
  });

  test('every type of weights', () => {
    for (const dtype of ['float32', 'float16', 'bfloat16', 'float8_e4m3', 'float8_e5m2'] as const)
      expect(checkpointFacts(single({ ...sd15, dtype })).parts.map(({ dtypes }) => dtypes)).toEqual([
        [dtype],
        [dtype],
        [dtype],
      ]);
  });

  test('old names of the text encoder, position_ids, averaged weights and schedules', () => {
    const old = renamed(/^(cond_stage_model\.transformer\.)text_model\./, '$1');
    const extra = plus(
      'cond_stage_model.transformer.embeddings.position_ids',
      'model_ema.decay',
      'model_ema.diffusion_modelinput_blocks00weight',
      'betas',
      'alphas_cumprod',
    );
    const facts = checkpointFacts(single(sd15, tensors => extra(old(tensors))));
    expect(facts).toMatchObject({ family: 'sd15', missing: [], averaged: 2, findings: [] });
  });

  test('averaged weights alone are used, and said', () => {
    const averaged = (tensors: TensorShape[]): TensorShape[] =>
      tensors.map(tensor => {
        if (!unet.test(tensor.name)) return tensor;
        return {
          ...tensor,
          name: `model_ema.diffusion_model${tensor.name.replace(unet, '').replaceAll('.', '')}`,
        };
      });
    const { findings } = openCheckpoint(single(sd15, averaged));
    expect(findings).toEqual([expect.stringContaining('averaged (EMA)')]);
  });

  test('a refiner, an editing and a depth model are shown with the reason that they are not used', async () => {
    const refiner = single({ model: 'refiner' });
    expect(checkpointFacts(refiner).refusal?.why).toContain('refiner');
    expect((await lora('inspect', refiner)).stdout).toContain('use        no: it is the SDXL refiner');
    await refused(
      'CHECKPOINT_REFINER_NOT_SUPPORTED',
      ['refiner'],
      runHere(trainCommand(), pictureFolder(1), '--base', refiner, '--plan'),
    );
    const widened = (channels: number) => (tensors: TensorShape[]) =>
      tensors.map(tensor =>
        tensor.name.endsWith('input_blocks.0.0.weight')
          ? { ...tensor, shape: [320, channels, 3, 3] }
          : tensor,
      );
    expect(checkpointFacts(single(sd15, widened(8))).variant).toBe('ip2p');
    expect(checkpointFacts(single({ model: 'sd2' }, widened(5))).variant).toBe('depth');
    expect(checkpointFacts(single(sd15, widened(9)))).toMatchObject({
      variant: 'inpaint',
      refusal: undefined,
    });
    const edm = single({ model: 'sdxl' }, plus('edm_vpred.sigma_max', 'edm_vpred.sigma_min'));
    expect(checkpointFacts(edm).refusal?.why).toContain('CosXL');
  });
});

describe('what the UNet predicts', () => {
  const predicted = (file: string, prediction?: 'epsilon' | 'v_prediction') =>
    checkpointFacts(file, prediction ? { prediction } : {});

  test('marks of SDXL: velocity, and zero terminal SNR, which the noise schedule obeys', () => {
    const made = single({ model: 'sdxl' }, plus('v_pred', 'ztsnr'));
    expect(predicted(made).prediction).toMatchObject({
      type: 'v_prediction',
      zeroSnr: true,
      from: 'the tensor v_pred',
    });
    expect(openCheckpoint(made).scheduler).toMatchObject({
      rescaleZeroTerminalSnr: true,
      timestepSpacing: 'trailing',
    });
    expect(predicted(single({ model: 'sdxl' }, plus('v_pred'))).prediction.zeroSnr).toBe(false);
  });

  test('metadata, the file beside, the name, and the user’s word above all', () => {
    const said = single({ model: 'sdxl' }, undefined, { 'modelspec.prediction_type': 'v' });
    expect(predicted(said).prediction).toMatchObject({
      type: 'v_prediction',
      from: 'modelspec.prediction_type',
    });
    const beside = single(sd15);
    writeFileSync(beside.replace('.safetensors', '.yaml'), 'model:\n  params:\n    parameterization: "v"\n');
    expect(predicted(beside).prediction).toMatchObject({ type: 'v_prediction', from: 'model.yaml' });
    const given = predicted(said, 'epsilon');
    expect(given.prediction).toMatchObject({ type: 'epsilon', from: '--prediction' });
    expect(given.findings).toEqual([
      expect.stringContaining('modelspec.prediction_type says v, epsilon is used'),
    ]);
    const named = path('model-vpred.safetensors');
    writeSparse(named, ldmShapes(sd15));
    expect(predicted(named)).toMatchObject({
      prediction: { type: 'epsilon' },
      findings: [expect.stringContaining('--prediction v would change it')],
    });
  });

  test('SD 2.x tells by how far one of its biases spreads', () => {
    const bias = 'model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias';
    const spread = (factor: number): string => {
      const made = single({ model: 'sd2', dtype: 'float32' });
      const { offset } = openSafetensors(made).tensors.get(bias) as { offset: number };
      const handle = openSync(made, 'r+');
      writeSync(
        handle,
        new Uint8Array(Float32Array.from({ length: 320 }, (_, i) => (i % 2 ? factor : -factor)).buffer),
        0,
        1280,
        offset,
      );
      closeSync(handle);
      return made;
    };
    expect(predicted(spread(0.03)).prediction.type).toBe('epsilon');
    expect(predicted(spread(0.13))).toMatchObject({ prediction: { type: 'v_prediction' }, resolution: 768 });
  });
});

describe('what is no usable checkpoint', () => {
  test.each([
    [
      'a LoRA',
      'CHECKPOINT_IS_LORA',
      ['--lora'],
      () => file('lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight'),
    ],
    [
      'a ControlNet',
      'CHECKPOINT_IS_CONTROLNET',
      ['ControlNet'],
      () => file('control_model.input_blocks.0.0.weight'),
    ],
    ['an embedding', 'CHECKPOINT_IS_EMBEDDING', ['textual inversion'], () => file('emb_params')],
    ['a Flux model', 'CHECKPOINT_OTHER_MODEL', ['Flux'], () => file('double_blocks.0.img_attn.qkv.weight')],
    ['a VAE', 'CHECKPOINT_IS_VAE', ['--vae'], () => single(sd15, only(/^first_stage_model/))],
    [
      'a text encoder',
      'CHECKPOINT_IS_TEXT_ENCODER',
      ['--text-encoder'],
      () => single(sd15, only(/^cond_stage_model/)),
    ],
    [
      'a file of something else',
      'CHECKPOINT_UNKNOWN',
      ['none is of a UNet'],
      () => file('weights.0', 'weights.1'),
    ],
  ] as const)('%s', async (_, code, says, make) => {
    const made = make();
    await refused(code, [made, ...says], lora('inspect', made));
  });

  test('a missing tensor and one too many are listed, other shapes are shown with the nearest model', async () => {
    const missing = single(sd15, without(/middle_block\.1\.proj_in\.weight/));
    await refused(
      'CHECKPOINT_MISSING_TENSOR',
      ['lacks 1 of the 686', 'middle_block.1.proj_in.weight', 'SD 1.x'],
      lora('inspect', missing),
    );
    const extra = single(sd15, plus('model.diffusion_model.extra.weight'));
    await refused('CHECKPOINT_OTHER_TENSORS', ['model.diffusion_model.extra.weight'], lora('inspect', extra));
    const wide = single(sd15, tensors =>
      tensors.map(tensor =>
        tensor.name.endsWith('out.2.weight') ? { ...tensor, shape: [8, 320, 3, 3] } : tensor,
      ),
    );
    await refused(
      'CHECKPOINT_NO_FAMILY',
      ['nearest is SD 1.x', 'out.2.weight is [8,320,3,3]', '[4,320,3,3]'],
      lora('inspect', wide),
    );
    const vae = single(sd15, without(/first_stage_model\.decoder\.conv_in\.bias/));
    await refused(
      'CHECKPOINT_MISSING_TENSOR',
      ['first_stage_model.decoder.conv_in.bias', 'autoencoder'],
      lora('inspect', vae),
    );
  });

  test('tensors that nothing knows are told, and do not matter', async () => {
    const { findings } = openCheckpoint(single(sd15, plus('something.else')));
    expect(findings).toEqual([expect.stringContaining('something.else')]);
  });

  test('integers as weights', async () => {
    const packed = single(sd15, tensors =>
      tensors.map(tensor =>
        /proj_in\.weight$/.test(tensor.name) ? { ...tensor, dtype: 'int8' as never } : tensor,
      ),
    );
    await refused('FORMAT_DTYPE', ['int8'], lora('inspect', packed));
  });

  test('still downloading: cut off, with both sizes; under a temporary name; with a hole', async () => {
    const cut = single(sd15);
    const { size } = statSync(cut);
    truncateSync(cut, 1_000_000_000);
    await refused('FORMAT_TRUNCATED', [String(size), '1000000000'], lora('inspect', cut));
    const partial = path('model.safetensors.crdownload');
    writeSparse(partial, ldmShapes(sd15));
    await refused('CHECKPOINT_INCOMPLETE', ['has not ended'], lora('inspect', partial));
    const hole = single({ ...sd15, dtype: 'float8_e4m3' }, without(/^(?!model\.diffusion_model)/));
    await refused('CHECKPOINT_ZEROS', ['nothing but zeros', 'model.diffusion_model'], lora('verify', hole));
  });

  test('NaN is found by verify, and named', async () => {
    const made = single({ ...sd15, dtype: 'float8_e4m3' }, only(unet));
    const name = 'model.diffusion_model.middle_block.1.norm.bias';
    const { offset } = openSafetensors(made).tensors.get(name) as { offset: number };
    const handle = openSync(made, 'r+');
    writeSync(handle, Uint8Array.of(0x7f), 0, 1, offset + 7);
    closeSync(handle);
    await refused('CHECKPOINT_NOT_FINITE', ['1 tensors hold NaN', `${name} at 7`], lora('verify', made));
  });

  test('pickles, web pages, pointers, empty files, folders without configs, nothing at all', async () => {
    const written = (name: string, text: string): string => {
      const made = path(name);
      writeFileSync(made, text);
      return made;
    };
    await refused('FORMAT_PICKLE', ['never opened'], lora('inspect', written('model.ckpt', '\x80\x02}')));
    await refused(
      'FORMAT_PICKLE',
      ['never opened'],
      lora('inspect', written('model.safetensors', 'PK\x03\x04 and so on')),
    );
    await refused(
      'FORMAT_HTML',
      ['web page'],
      lora('inspect', written('model.safetensors', '<!DOCTYPE html><html>')),
    );
    await refused('FORMAT_EMPTY', ['0 bytes'], lora('inspect', written('model.safetensors', '')));
    await refused('CHECKPOINT_MISSING_FILE', ['no unet folder'], lora('inspect', temporaryFolder()));
    const bare = temporaryFolder();
    mkdirSync(join(bare, 'unet'));
    await refused('CHECKPOINT_MISSING_FILE', ['unet/config.json'], lora('inspect', bare));
    await refused(
      'CHECKPOINT_NOT_FOUND',
      ['/no/model.safetensors'],
      lora('inspect', '/no/model.safetensors'),
    );
  });
});

describe('parts and options given beside it', () => {
  test('what a file lacks is asked for by option, and taken from files of any naming', async () => {
    const bare = single(sd15, only(unet));
    expect(checkpointFacts(bare).missing).toEqual(['a VAE (--vae)', 'CLIP ViT-L/14 (--text-encoder)']);
    expect(() => openCheckpoint(bare)).toThrow(expect.objectContaining({ code: 'CHECKPOINT_NO_VAE' }));
    const vae = single(sd15, tensors =>
      renamed(/^first_stage_model\./, '')(only(/^first_stage_model/)(tensors)),
    );
    expect(() => openCheckpoint(bare, { vae })).toThrow(
      expect.objectContaining({ code: 'CHECKPOINT_NO_TEXT_ENCODER' }),
    );
    const text = single(sd15, tensors =>
      renamed(/^cond_stage_model\.transformer\./, '')(only(/^cond_stage_model/)(tensors)),
    );
    expect(openCheckpoint(bare, { vae, textEncoders: [text] }).family).toBe('sd15');
    const arguments_ = ['--base', bare, '--vae', vae, '--text-encoder', text, '--plan'];
    expect(await runHere(trainCommand(), pictureFolder(1), ...arguments_)).toMatchObject({ status: 0 });
  });

  test('a part of another family, or no part at all', async () => {
    const plan = (...options: string[]): Promise<Outcome> =>
      runHere(trainCommand(), pictureFolder(1), '--plan', '--base', good, ...options);
    await refused(
      'TEXT_ENCODER_NOT_FOUND',
      ['CLIP ViT-L/14 (width 768)'],
      plan('--text-encoder', single({ model: 'sd2' }, only(/^cond_stage/))),
    );
    await refused('VAE_NOT_FOUND', ['no autoencoder'], plan('--vae', single(sd15, only(/^cond_stage/))));
    await refused('CHECKPOINT_NOT_FOUND', ['/no/vae'], plan('--vae', '/no/vae.safetensors'));
    await refused('CHECKPOINT_WRONG_FAMILY', ['sd15', 'sdxl'], plan('--family', 'sdxl'));
    await refused('OPTION_INVALID', ['--family sd9'], plan('--family', 'sd9'), 2);
    await refused('OPTION_INVALID', ['--prediction x'], plan('--prediction', 'x'), 2);
  });

  test('memory that no plan fits into: what would be needed is said', async () => {
    const outcome = runHere(trainCommand(), pictureFolder(1), '--plan', '--base', good, '--memory', '1GB');
    await refused('MEMORY_TOO_SMALL', ['GiB'], outcome);
  });
});

describe('lora checkpoint convert', () => {
  test('nothing is replaced, nothing is left behind', async () => {
    const folder = temporaryFolder();
    const out = join(folder, 'out.safetensors');
    writeFileSync(out, 'mine');
    await refused('OUT_EXISTS', [out], lora('convert', good, out), 2);
    await refused('OUT_NOT_SAFETENSORS', ['.ckpt'], lora('convert', good, join(folder, 'x.ckpt')), 2);
    await refused(
      'OPTION_INVALID',
      ['--dtype int4'],
      lora('convert', good, join(folder, 'x'), '--dtype', 'int4'),
      2,
    );
    await refused(
      'CONVERT_NOT_PUBLISHED',
      ['published'],
      lora('convert', 'pocket', join(folder, 'p.safetensors')),
    );
    const name = 'model.diffusion_model.out.2.bias';
    // What is first in the file is written first.
    const bias = /out\.2\.bias$/;
    const order = (tensors: TensorShape[]) => [...only(bias)(tensors), ...without(bias)(only(unet)(tensors))];
    const large = single({ ...sd15, dtype: 'float32' }, order);
    const { offset } = openSafetensors(large).tensors.get(name) as { offset: number };
    const handle = openSync(large, 'r+');
    writeSync(handle, new Uint8Array(Float32Array.of(70000).buffer), 0, 4, offset);
    closeSync(handle);
    await refused(
      'WEIGHT_TOO_LARGE',
      [name, '70000', 'bfloat16'],
      lora('convert', large, join(folder, 'half.safetensors'), '--dtype', 'fp16'),
    );
    expect(readdirSync(folder)).toEqual(['out.safetensors']);
  });

  test('the embedded model in another type, with its own configs, opens again', async () => {
    const out = join(temporaryFolder(), 'pocket-bf16');
    expect(await lora('convert', 'pocket', out, '--dtype', 'bf16')).toMatchObject({ status: 0 });
    expect(checkpointFacts(out).parts.map(({ dtypes }) => dtypes)).toEqual([
      ['bfloat16'],
      ['bfloat16'],
      ['bfloat16'],
    ]);
    expect(existsSync(join(out, 'tokenizer', 'vocab.json'))).toBe(true);
    expect(openCheckpoint(out).unet.config).toEqual(openCheckpoint('pretrained/pocket').unet.config);
  });

  test('configs that are written for a folder are read back as they were', async () => {
    for (const model of ['sd15', 'sd2', 'sdxl', 'ssd-1b', 'vega'] as const) {
      const options = {
        model,
        dtype: 'float16',
        isSparse: true,
        prediction: model === 'sd2' ? 'v_prediction' : 'epsilon',
      } as const;
      const folder = join(temporaryFolder(), model);
      await makeCheckpoint(folder, options);
      const [made, file] = [
        openCheckpoint(folder),
        openCheckpoint(single(options), { prediction: options.prediction }),
      ];
      const facts = ({
        unet,
        vae,
        textEncoder,
        textEncoder2,
        scheduler,
        family,
        variant,
        resolution,
        zerosForNoText,
      }: typeof made) => ({
        unet: { ...unet.config, sampleSize: undefined },
        ...{ vae: vae.config, text: textEncoder.config, text2: textEncoder2?.config },
        // Whether a file says its spacing is not for files of ours to decide: both mean the same.
        scheduler: { ...scheduler, saysSpacing: undefined },
        ...{ family, variant, resolution, zerosForNoText },
        tokens: [textEncoder, textEncoder2].map(part => part?.tokenizer.encode('a photo, ßé').ids),
      });
      expect(facts(made)).toEqual({ ...facts(file), unet: { ...file.unet.config, sampleSize: undefined } });
    }
  });
});
