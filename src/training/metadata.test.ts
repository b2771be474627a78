import { userInfo } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DatasetScan, TrainingItem } from '../dataset/index.ts';
import { plainLora } from '../lora/index.ts';
import type { Checkpoint, Family } from '../models/index.ts';
import { loraMetadata, type TrainedRun } from './metadata.ts';
import { completeRecipe, type GivenRecipe } from './recipe.ts';

const secret = '/somewhere/somebody/private pictures/zorbi';

function runOf(
  given: GivenRecipe = {},
  folder = secret,
  family: Family = 'sd15',
  velocity = false,
): TrainedRun {
  const picture = (name: string, caption: string, repeats: number) => ({
    ...{ path: `${folder}/${name}`, caption, repeats, captionSource: 'txt' as const },
    ...{ width: 64, height: 64, hash: '00' },
  });
  const scan: DatasetScan = {
    folder,
    pictures: [
      picture('10_zork/a.png', 'zork, Red Hat', 10),
      picture('10_zork/b.png', 'zork, constructor, __proto__', 10),
      picture('c.png', 'zork', 1),
    ],
    ...{ skipped: [], warnings: [], ignored: [] },
  };
  const items = scan.pictures.map(({ path, caption, repeats }, i): TrainingItem => {
    const bucket = { width: i === 2 ? 768 : 512, height: 512 };
    const latents = { shape: [0], data: new Float32Array() };
    return {
      ...{ path, caption, repeats, bucket, latents },
      originalSize: bucket,
      crop: { left: 0, top: 0 },
    };
  });
  const predictionType = velocity ? 'v_prediction' : 'epsilon';
  const checkpoint = {
    ...{ name: 'my-base', path: '/somewhere/somebody/models/my-base', family },
    scheduler: { predictionType, rescaleZeroTerminalSnr: false },
  } as unknown as Checkpoint;
  const recipe = completeRecipe({ steps: 100, rank: 8, batch: 4, accumulate: 2, ...given }, 'sd15', 512);
  const state = {
    ...{ step: 50, startedAt: 1_600_000_000, fingerprint: '', losses: [] },
    ...{ parameters: new Map(), moments: new Map() },
  };
  const layers = plainLora([{ target: 'unet.mid_block.attentions.0.proj_in', shape: [8, 8, 1, 1] }], recipe);
  return { checkpoint, recipe, layers, state, scan, items };
}

const before = process.env.SOURCE_DATE_EPOCH;
beforeEach(() => {
  process.env.SOURCE_DATE_EPOCH = '1700000000';
});
afterEach(() => {
  if (before === undefined) delete process.env.SOURCE_DATE_EPOCH;
  else process.env.SOURCE_DATE_EPOCH = before;
});

test('fields as sd-scripts writes them (train_network.py at 48d368fa; a file of it was looked at)', () => {
  expect(loraMetadata(runOf({ trigger: 'zork' }), 'my-lora')).toMatchObject({
    ss_output_name: 'my-lora',
    ss_network_module: 'networks.lora',
    ss_network_dim: '8',
    ss_network_alpha: '8.0',
    ss_network_dropout: 'None',
    ss_base_model_version: 'sd_v1',
    ss_v2: 'False',
    ss_sd_model_name: 'my-base',
    ss_learning_rate: '0.0001',
    ss_unet_lr: '0.0001',
    ss_text_encoder_lr: 'None',
    ss_lr_scheduler: 'cosine',
    ss_lr_warmup_steps: '0',
    ss_max_grad_norm: '1.0',
    ss_min_snr_gamma: '5.0',
    ss_noise_offset: 'None',
    ss_seed: '0',
    ss_resolution: '(512, 512)',
    ss_cache_latents: 'True',
    ss_batch_size_per_device: '4',
    ss_gradient_accumulation_steps: '2',
    // 20 pictures at 512² are 5 batches, the other bucket one more: 6 an epoch, 3 steps an epoch.
    ss_num_train_images: '21',
    ss_num_batches_per_epoch: '6',
    ss_num_epochs: '34',
    ss_epoch: '17',
    ss_steps: '50',
    ss_max_train_steps: '100',
    ss_dataset_dirs: '{"10_zork":{"n_repeats":10,"img_count":2},"zorbi":{"n_repeats":1,"img_count":1}}',
    ss_tag_frequency: '{"10_zork":{"zork":2,"red hat":1,"constructor":1,"__proto__":1},"zorbi":{"zork":1}}',
    ss_bucket_info:
      '{"buckets":{"0":{"resolution":[512,512],"count":20},"1":{"resolution":[768,512],"count":1}}}',
    ss_training_started_at: '1600000000',
    ss_training_finished_at: '1700000000',
    'modelspec.sai_model_spec': '1.0.1',
    'modelspec.architecture': 'stable-diffusion-v1/lora',
    'modelspec.implementation': 'diffusers',
    'modelspec.title': 'my-lora',
    'modelspec.resolution': '512x512',
    'modelspec.date': '2023-11-14T22:13:20',
    'modelspec.prediction_type': 'epsilon',
    'modelspec.trigger_phrase': 'zork',
  });
});

test.each([
  ['sd2', false, 'sd_v2', 'stable-diffusion-v2-512/lora', 'True'],
  ['sd2', true, 'sd_v2_v', 'stable-diffusion-v2-768-v/lora', 'True'],
  ['sdxl', false, 'sdxl_base_v1-0', 'stable-diffusion-xl-v1-base/lora', 'False'],
] as const)('%s, velocity %s', (family, velocity, version, architecture, v2) => {
  const metadata = loraMetadata(runOf({}, secret, family, velocity), 'x');
  expect(metadata.ss_base_model_version).toBe(version);
  expect(metadata['modelspec.architecture']).toBe(architecture);
  expect(metadata.ss_v2).toBe(v2);
});

describe('nothing private', () => {
  test('no path, and of folders only the data set’s own name', () => {
    const text = JSON.stringify(loraMetadata(runOf(), 'x'));
    for (const word of ['somewhere', 'somebody', 'private pictures', 'models/'])
      expect(text).not.toContain(word);
  });

  test('a home folder as data set does not give its owner’s name away', () => {
    const { username } = userInfo();
    expect(loraMetadata(runOf({}, `/${username}`), 'x').ss_dataset_dirs).toContain('"pictures":');
  });
});
