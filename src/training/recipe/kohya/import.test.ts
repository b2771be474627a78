import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LoraError } from '../../../errors.ts';
import type { BaseFacts } from '../checks/check.ts';
import type { GivenRecipe } from '../schema.ts';
import { type ImportOptions, importKohya, type KohyaImport } from './import.ts';
import { kohyaTable } from './table.ts';

const sd15: BaseFacts = {
  ...{ family: 'sd15', resolution: 512, latentScale: 8, predictionType: 'epsilon' },
  ...{ zeroTerminalSnr: false, trainSteps: 1000 },
};
const sdxl: BaseFacts = { ...sd15, family: 'sdxl', resolution: 1024 };

const read = (text: string, options: ImportOptions = {}): KohyaImport => importKohya({ text }, options);
const given = (text: string, base = sd15): GivenRecipe => read(text).saidFor(base).said.given;
const file = (text: string, name = 'config.toml'): string => {
  const path = join(mkdtempSync(join(tmpdir(), 'kohya-')), name);
  writeFileSync(path, text);
  return path;
};
const errorOf = (work: () => unknown): LoraError => {
  try {
    work();
  } catch (error) {
    if (error instanceof LoraError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

test('where sd-scripts is silent, its defaults count, not ours', () => {
  expect(given('--pretrained_model_name_or_path base.safetensors')).toMatchObject({
    ...{ rank: 4, alpha: 1, kind: 'lora', targets: 'linear', textTargets: 'attention+mlp' },
    ...{
      learningRate: 2e-6,
      textLearningRate: 2e-6,
      steps: 1600,
      batch: 1,
      accumulate: 1,
      schedule: 'constant',
    },
    ...{ warmupSteps: 0, optimizer: 'adamw', weightDecay: 0.01, maxGradientNorm: 1, minSnrGamma: 0 },
    ...{ captionDropout: 0, flip: false, noiseOffset: 0, precision: 'float32', validationShare: 0 },
  });
});

describe('meanings', () => {
  test.each<[string, GivenRecipe]>([
    [
      '--network_dim 16 --network_alpha 8 --unet_lr 1e-4 --text_encoder_lr 5e-5',
      { rank: 16, alpha: 8, learningRate: 1e-4, textLearningRate: 5e-5 },
    ],
    ['--network_train_unet_only', { textTargets: null, targets: 'linear' }],
    [
      '--network_train_text_encoder_only --learning_rate 1e-4',
      { targets: 'none', textTargets: 'attention+mlp', learningRate: 1e-4 },
    ],
    ['--network_args conv_dim=8 conv_alpha=4', { targets: 'conv', convRank: 8, convAlpha: 4 }],
    ['--network_args conv_dim=8', { targets: 'conv', convRank: 8, convAlpha: 1 }],
    [
      '--network_dropout 0.1 --network_args rank_dropout=0.2 module_dropout=0.3',
      { dropout: 0.1, rankDropout: 0.2, moduleDropout: 0.3 },
    ],
    [
      '--resolution 512,768 --enable_bucket',
      { resolution: { width: 512, height: 768 }, minBucketSide: 256, maxBucketSide: 1024, bucketStep: 64 },
    ],
    ['--resolution 512', { minBucketSide: 512, maxBucketSide: 512 }],
    ['--resolution 512 --enable_bucket --bucket_no_upscale', { noUpscale: true }],
    [
      '--optimizer_type AdamW8bit --optimizer_args weight_decay=0.1 betas=0.9,0.99 eps=1e-7',
      {
        optimizer: 'adamw8bit',
        weightDecay: 0.1,
        optimizerOptions: { beta1: 0.9, beta2: 0.99, epsilon: 1e-7 },
      },
    ],
    ['--use_8bit_adam', { optimizer: 'adamw8bit', weightDecay: 0.01 }],
    ['--optimizer_type PagedLion8bit', { optimizer: 'lion', weightDecay: 0 }],
    [
      '--optimizer_type Prodigy --learning_rate 1 --optimizer_args "betas=(0.9, 0.99)" d_coef=2 use_bias_correction=True safeguard_warmup=True',
      {
        optimizer: 'prodigy',
        learningRate: 1,
        weightDecay: 0,
        optimizerOptions: {
          beta1: 0.9,
          beta2: 0.99,
          dCoef: 2,
          useBiasCorrection: true,
          safeguardWarmup: true,
        },
      },
    ],
    [
      '--optimizer_type DAdaptAdam --learning_rate 1',
      { optimizer: 'dadapt-adamw', optimizerOptions: { decouple: false } },
    ],
    [
      '--optimizer_type AdaFactor --optimizer_args scale_parameter=False relative_step=False warmup_init=False --lr_scheduler constant_with_warmup --lr_warmup_steps 100 --learning_rate 1e-4',
      {
        optimizer: 'adafactor',
        optimizerOptions: { scaleParameter: false, relativeStep: false, warmupInit: false },
        schedule: 'constant',
        warmupSteps: 100,
      },
    ],
    ['--optimizer_type Adafactor --lr_scheduler cosine', { optimizer: 'adafactor', schedule: 'constant' }],
    [
      '--optimizer_type AdamWScheduleFree --learning_rate 1e-3 --lr_scheduler cosine --optimizer_args warmup_steps=20',
      { optimizer: 'schedulefree-adamw', schedule: 'constant', warmupSteps: 20, weightDecay: 0 },
    ],
    [
      '--optimizer_type came_pytorch.CAME --optimizer_args betas=0.9,0.999,0.9999 eps=1e-30,1e-16',
      {
        optimizer: 'came',
        optimizerOptions: {
          beta1: 0.9,
          beta2: 0.999,
          beta3: 0.9999,
          epsilon: 1e-30,
          instabilityEpsilon: 1e-16,
        },
      },
    ],
    ['--optimizer_type SGDNesterov --learning_rate 1', { optimizer: 'sgd-nesterov', weightDecay: 0 }],
    [
      '--lr_scheduler cosine_with_restarts --lr_scheduler_num_cycles 3',
      { schedule: 'cosine-restarts', scheduleCycles: 3 },
    ],
    [
      '--lr_scheduler polynomial --lr_scheduler_power 2 --learning_rate 1e-4',
      { schedule: 'polynomial', schedulePower: 2, scheduleMinRatio: 1e-7 / 1e-4 },
    ],
    [
      '--lr_scheduler cosine_with_min_lr --lr_scheduler_min_lr_ratio 0.1',
      { schedule: 'cosine', scheduleMinRatio: 0.1 },
    ],
    [
      '--lr_scheduler warmup_stable_decay --lr_decay_steps 0.2 --lr_warmup_steps 10%',
      { schedule: 'warmup-stable-decay', decaySteps: 320, warmupSteps: 160 },
    ],
    ['--max_train_steps 1000 --lr_scheduler linear --lr_warmup_steps 0.05', { steps: 1000, warmupSteps: 50 }],
    [
      '--min_snr_gamma 5 --noise_offset 0.05 --noise_offset_random_strength',
      { minSnrGamma: 5, noiseOffset: 0.05, noiseOffsetRandom: true },
    ],
    [
      '--multires_noise_iterations 6 --multires_noise_discount 0.35 --ip_noise_gamma 0.1',
      { multiresIterations: 6, multiresDiscount: 0.35, inputPerturbation: 0.1 },
    ],
    [
      '--loss_type huber --huber_c 0.2 --huber_schedule exponential',
      { loss: 'huber', huberC: 0.2, huberSchedule: 'exponential' },
    ],
    [
      '--v_parameterization --zero_terminal_snr --scale_v_pred_loss_like_noise_pred',
      { predictionType: 'v_prediction', zeroTerminalSnr: true, scaleVLoss: true },
    ],
    ['--min_timestep 100 --max_timestep 900', { minTimestep: 100, maxTimestep: 900 }],
    [
      '--shuffle_caption --keep_tokens 1 --caption_tag_dropout_rate 0.1',
      { shuffleTags: true, keepTags: 1, tagDropout: 0.1 },
    ],
    ['--reg_data_dir reg --prior_loss_weight 0.5', { regularisation: ['reg'], regularisationWeight: 0.5 }],
    ['--alpha_mask', { mask: 'alpha' }],
    ['--masked_loss', { mask: 'files' }],
    ['--save_precision fp16 --full_bf16', { precision: 'float16' }],
    ['--full_fp16', { precision: 'float16' }],
    ['--save_every_n_steps 100 --save_last_n_steps 300', { saveEvery: 100, keepSaves: 4 }],
    ['--save_every_n_epochs 1 --save_last_n_epochs 3', { saveEveryEpochs: 1, keepSaves: 3 }],
    ['--gradient_checkpointing', { recompute: true }],
    [
      '--scale_weight_norms 1 --network_args loraplus_lr_ratio=16',
      { scaleWeightNorms: 1, loraPlusRatio: 16 },
    ],
    [
      '--network_module lycoris.kohya --network_args algo=lokr preset=attn-mlp factor=8 decompose_both=True',
      { kind: 'lokr', targets: 'linear', factor: 8, decomposeBoth: true },
    ],
    [
      '--network_module lycoris.kohya --network_dim 100000 --network_args algo=lokr preset=attn-mlp full_matrix=True',
      { kind: 'lokr', fullMatrix: true, rank: 100_000, alpha: 100_000 },
    ],
    [
      '--network_module lycoris.kohya --network_args algo=lora preset=attn-mlp dora_wd=True',
      { dora: 'output' },
    ],
    [
      '--network_module lycoris.kohya --network_args preset=attn-mlp dora_wd=True wd_on_output=False',
      { dora: 'input' },
    ],
    [
      '--network_module lycoris.kohya --network_dim 16 --network_alpha 8 --network_args preset=full',
      { overrides: [{ match: 'unet.conv_out', rank: 4, alpha: 2 }] },
    ],
    ['--validation_split 0.1 --validate_every_n_steps 50', { validationShare: 0.1, validateEvery: 50 }],
  ])('%s', (text, fields) => {
    const v = text.includes('v_parameterization')
      ? { ...sd15, predictionType: 'v_prediction' as const }
      : sd15;
    expect(given(text, v)).toMatchObject(fields);
  });

  test('epochs instead of steps; shares of steps wait for them', () => {
    const { said } = read(
      '--max_train_epochs 10 --max_train_steps 5 --lr_warmup_steps 0.1 --lr_scheduler linear',
    ).saidFor(sd15);
    expect(said.intent).toEqual({ epochs: 10 });
    expect(said.given).not.toHaveProperty('steps');
    expect(said.withSteps?.(200).given.warmupSteps).toBe(20);
  });

  test('SDXL reads clip_skip as sd-scripts does: not at all', () => {
    expect(() => read('--clip_skip 2').saidFor(sdxl)).not.toThrow();
    expect(errorOf(() => read('--clip_skip 2').saidFor(sd15)).code).toBe('KOHYA_UNSUPPORTED');
  });

  test('a LoRA that is gone on from decides layers and ranks', () => {
    const { continue: from, saidFor } = read(
      '--network_weights old.safetensors --network_dim 8 --learning_rate 1e-4',
    );
    expect(from).toBe('old.safetensors');
    const fields = saidFor(sd15).said.given;
    for (const field of ['rank', 'alpha', 'targets', 'kind']) expect(fields).not.toHaveProperty(field);
    expect(fields.learningRate).toBe(1e-4);
  });
});

test('what is beside the recipe is handed over', () => {
  const places = read(
    'accelerate launch train_network.py --pretrained_model_name_or_path "my base.safetensors" --vae vae.pt --output_dir out --output_name hero ' +
      '--train_data_dir pics --base_weights a.safetensors b.safetensors --base_weights_multiplier 0.5 --metadata_author me',
  );
  expect(places).toMatchObject({
    ...{ base: 'my base.safetensors', vae: 'vae.pt', out: join('out', 'hero.safetensors') },
    ...{ baseLoras: ['a.safetensors:0.5', 'b.safetensors:1'], card: { author: 'me' } },
    dataset: { folder: 'pics' },
  });
});

describe('config_file', () => {
  test('flat or in sections, one level deep; an argument on the command line wins', () => {
    const path = file(
      'network_dim = 8\n[anything]\nnetwork_alpha = 4\nresolution = 512\n[other]\nlearning_rate = "1e-4"\nresume = false\ntraining_comment = ""\n',
    );
    expect(importKohya({ path }).saidFor(sd15).said.given).toMatchObject({
      rank: 8,
      alpha: 4,
      learningRate: 1e-4,
    });
    expect(given(`--config_file ${path} --network_dim 32`)).toMatchObject({ rank: 32, alpha: 4 });
  });

  test('a file with a command, with its line breaks', () => {
    const path = file(
      '#!/bin/sh\n# my run\naccelerate launch --num_cpu_threads_per_process 1 "sdxl_train_network.py" \\\n  --network_dim=8 \\\n  --network_train_unet_only\n',
      'run.sh',
    );
    expect(importKohya({ path }).saidFor(sdxl).said.given).toMatchObject({ rank: 8, textTargets: null });
  });

  test('one that is not there, and one that is no TOML', () => {
    expect(errorOf(() => importKohya({ path: '/nowhere/config.toml' })).code).toBe('RECIPE_UNREADABLE');
    expect(errorOf(() => importKohya({ path: file('network_dim: 8') })).code).toBe('RECIPE_NOT_TOML');
  });
});

describe('nothing is dropped without a word', () => {
  test('names that are none, with what was meant, all at once', () => {
    const error = errorOf(() => read('--netwrk_dim 8 --learning_rat 1e-4 --colour yes'));
    expect(error.code).toBe('KOHYA_INVALID');
    expect(error.message).toMatch(/netwrk_dim: .*did you mean network_dim/);
    expect(error.message).toMatch(/colour:/);
    expect(error.message).not.toMatch(/learning_rat:/); // argparse takes the beginning of one name
  });

  test.each([
    ['--network_dim many', /network_dim: "many" is not allowed; give a whole number/],
    ['--network_dim 1.5', /network_dim/],
    ['--network_dim', /network_dim: has no value/],
    ['--loss_type l3', /loss_type: "l3" is not allowed; give l1, l2, huber, smooth_l1/],
    ['--network_dim 8 16', /"16" belongs to no argument/],
    ['--caption_prefix "a photo', /a quotation mark is not closed/],
  ])('%s', (text, message) => expect(errorOf(() => read(text)).message).toMatch(message));

  test('what changes the LoRA and cannot be honoured is refused, all at once, unless told otherwise', () => {
    const text =
      '--clip_skip 2 --weighted_captions --optimizer_type bitsandbytes.optim.AdEMAMix8bit --network_args conv_block_dims=1,2 cnov_dim=4';
    const error = errorOf(() => read(text).saidFor(sd15));
    expect(error.code).toBe('KOHYA_UNSUPPORTED');
    for (const part of [
      /clip_skip 2: .*changes the LoRA/,
      /weighted_captions/,
      /AdEMAMix8bit: is not there/,
      /conv_block_dims/,
      /cnov_dim 4: is not known; did you mean conv_dim/,
    ])
      expect(error.message).toMatch(part);
    const { leftOut } = read(text, { ignoreUnsupported: true }).saidFor(sd15);
    const names = [
      'clip_skip',
      'weighted_captions',
      'optimizer_type',
      'network_args conv_block_dims',
      'network_args cnov_dim',
    ];
    expect(leftOut.map(({ argument }) => argument)).toEqual(expect.arrayContaining(names));
  });

  test('what changes nothing is told, secrets are not', () => {
    const { leftOut } = read(
      '--xformers --mixed_precision bf16 --wandb_api_key hunter2 --huggingface_token hunter2',
    ).saidFor(sd15);
    expect(leftOut.map(({ argument }) => argument).sort()).toEqual([
      'huggingface_token',
      'mixed_precision',
      'wandb_api_key',
      'xformers',
    ]);
    expect(JSON.stringify(leftOut)).not.toContain('hunter2');
  });

  test('fields without effect are dropped with a word', () => {
    const { said, notes } = read('--keep_tokens 1 --huber_c 0.5').saidFor(sd15);
    expect(said.given).not.toHaveProperty('keepTags');
    expect(notes).toEqual([
      expect.stringMatching(/^huber_c has no effect/),
      expect.stringMatching(/^keep_tokens has no effect/),
    ]);
  });

  test('a key twice in two sections is told', () => {
    const { notes, saidFor } = importKohya({ path: file('[a]\nnetwork_dim = 4\n[b]\nnetwork_dim = 8') });
    expect(notes.join()).toMatch(/network_dim twice: 4, then 8/);
    expect(saidFor(sd15).said.given.rank).toBe(8);
  });

  test('every given argument is a field, a place, or told', () => {
    const words: Readonly<Record<string, string>> = {
      flag: '',
      int: ' 2',
      float: ' 0.5',
      int_or_float: ' 3',
      str: ' x',
    };
    const besides =
      /^(config_file|sample_|optimizer_type|lr_scheduler|network_module|network_args|optimizer_args|base_weights_multiplier|resolution|caption_ext)/;
    for (const [name, row] of Object.entries(kohyaTable)) {
      if (besides.test(name)) continue;
      const value = row.choices ? ` ${row.choices.at(-1)}` : words[row.type];
      const imported = read(`--${name}${value}`, { ignoreUnsupported: true });
      const { said, leftOut, notes } = imported.saidFor(sd15);
      const { role } = row;
      if (role.does === 'missing' && !role.isAsked)
        expect(
          leftOut.some(({ argument }) => argument === name),
          name,
        ).toBe(true);
      if (role.does === 'nothing' && !role.why.startsWith('read with'))
        expect(
          leftOut.some(({ argument }) => argument === name),
          name,
        ).toBe(true);
      if (role.does !== 'fields') continue;
      const without = read('', {}).saidFor(sd15).said.given;
      const isChange = JSON.stringify(said.given) !== JSON.stringify(without);
      const isUsual = row.choices?.at(-1) === row.usual;
      const isTold = notes.some(note => note.startsWith(name));
      const isPart = [
        'save_last_n_epochs',
        'save_last_n_steps',
        'bucket_no_upscale',
        'min_bucket_reso',
        'max_bucket_reso',
        'noise_offset_random_strength',
        'prior_loss_weight',
      ].includes(name);
      expect(isChange || isUsual || isTold || isPart, name).toBe(true);
    }
  });
});

test('no text makes it fail in another way than by saying what is wrong', () => {
  const word = fc.oneof(
    fc.constantFrom(...Object.keys(kohyaTable).map(name => `--${name}`)),
    fc.string({ maxLength: 8 }),
    fc.constantFrom('1', '0.5', 'true', 'a=b', 'lycoris.kohya', '"', "'", '\\', '--', '--=', '-1'),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), words => {
      try {
        read(words.join(' '), { ignoreUnsupported: true }).saidFor(sd15);
      } catch (error) {
        if (!(error instanceof LoraError)) throw error;
        expect(error.code).toMatch(/^(KOHYA|RECIPE|PROMPTS)_/);
      }
    }),
    { numRuns: 1500, seed: 3 },
  );
});
