import { userInfo } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { finishedRun, secret } from '../../../test/support/trained-run.ts';
import { plainLora, usualOptions } from '../../lora/index.ts';
import { loraMetadata } from './lora-metadata.ts';

const before = process.env.SOURCE_DATE_EPOCH;
beforeEach(() => {
  process.env.SOURCE_DATE_EPOCH = '1700000000';
});
afterEach(() => {
  if (before === undefined) delete process.env.SOURCE_DATE_EPOCH;
  else process.env.SOURCE_DATE_EPOCH = before;
});

test('what is not of sd-scripts (its own keys: test/golden/sd-scripts.test.ts)', () => {
  expect(loraMetadata(finishedRun({ trigger: 'zork' }), 'my-lora')).toMatchObject({
    // 20 pictures at 512² are 5 batches, the other bucket one more: 6 an epoch, 3 steps an epoch.
    ss_epoch: '17',
    ss_steps: '50',
    ss_training_finished_at: '1700000000.0',
    ss_tag_frequency:
      '{"10_zork": {"zork": 2, "red hat": 1, "constructor": 1, "__proto__": 1}, "zorbi": {"zork": 1}}',
    'modelspec.trigger_phrase': 'zork',
    'modelspec.usage_hint': 'Write zork in the prompt',
    'modelspec.description':
      'A LoRA for Stable Diffusion 1.x, trained on 3 pictures; its trigger word is zork',
    'modelspec.unet_dtype': 'float16',
  });
});

test.each([
  ['sd2', false, 'sd_v2', 'stable-diffusion-v2-512/lora', 'True'],
  ['sd2', true, 'sd_v2_v', 'stable-diffusion-v2-768-v/lora', 'True'],
  ['sdxl', false, 'sdxl_base_v1-0', 'stable-diffusion-xl-v1-base/lora', 'False'],
] as const)('%s, velocity %s', (family, isVelocity, version, architecture, v2) => {
  const metadata = loraMetadata(finishedRun({}, { family, isVelocity }), 'x');
  expect(metadata.ss_base_model_version).toBe(version);
  expect(metadata['modelspec.architecture']).toBe(architecture);
  expect(metadata.ss_v2).toBe(v2);
  expect(metadata['modelspec.prediction_type']).toBe(isVelocity ? 'v' : 'epsilon');
});

describe('a kind that sd-scripts has no word for is LyCORIS’', () => {
  const layer = {
    ...usualOptions,
    ...{ target: 'unet.mid_block.attentions.0.proj_in', shape: [8, 8, 1, 1], rank: 8, alpha: 8 },
  };
  test.each([
    [
      { kind: 'lokr', factor: 4, decomposeBoth: true, targets: 'attention' },
      { kind: 'lokr' },
      { algo: 'lokr', preset: 'attn-only', factor: '4', decompose_both: 'True', dropout: null },
    ],
    [
      { dora: 'input', convRank: 2 },
      { decomposed: 'input' },
      { algo: 'lora', preset: 'attn-mlp', dora_wd: 'True', wd_on_output: 'False', dropout: null },
    ],
    [{ rsLora: true, dropout: 0.5 }, {}, { algo: 'lora', preset: 'attn-mlp', rs_lora: 'True', dropout: 0.5 }],
  ] as const)('%o', (recipe, own, expected) => {
    const run = finishedRun(recipe, { layers: [{ ...layer, ...own }] });
    const metadata = loraMetadata(run, 'x');
    expect(metadata.ss_network_module).toBe('lycoris.kohya');
    expect(JSON.parse(metadata.ss_network_args)).toEqual(expected);
  });
});

test('ranks and rates by block are in sd-scripts’ words', () => {
  const ranks = `0,${Array(24).fill(4).join(',')}`;
  const metadata = loraMetadata(finishedRun({ blockRanks: ranks, blockRates: 'zeros+0.5/2/sine' }), 'x');
  const args = JSON.parse(metadata.ss_network_args);
  expect(args.block_dims).toBe(ranks);
  expect(args.block_alphas).toBe(ranks); // at the scale of the run, 1
  expect(args).not.toHaveProperty('conv_block_dims');
  expect(args.down_lr_weight).toBe(Array(12).fill(0.5).join(','));
  expect(args.mid_lr_weight).toBe('2');
  expect(args.up_lr_weight.split(',').map(Number)[11]).toBe(1);
});

test('convolutions in blocks have ranks of their own', () => {
  const layer = { target: 'unet.mid_block.resnets.0.conv1', shape: [8, 8, 3, 3] };
  const given = { blockRanks: `0,${Array(24).fill(4).join(',')}`, convRank: 2, convAlpha: 1 };
  const run = finishedRun(given, { layers: plainLora([layer], { rank: 2, alpha: 1 }) });
  const args = JSON.parse(loraMetadata(run, 'x').ss_network_args);
  expect(args.conv_block_dims).toBe(`0,${Array(24).fill(2).join(',')}`);
  expect(args.conv_block_alphas).toBe(Array(25).fill(1).join(','));
});

test('PiSSA writes twice the rank, and says so', () => {
  const metadata = loraMetadata(finishedRun({ init: 'pissa' }), 'x');
  expect([metadata.ss_network_dim, metadata.ss_network_alpha]).toEqual(['16', '16.0']);
});

test('what its maker says of it', () => {
  const card = { author: 'me', license: 'CC0', tags: 'a,b', usageHint: 'hint', description: 'what' };
  expect(loraMetadata({ ...finishedRun(), card }, 'x')).toMatchObject({
    'modelspec.author': 'me',
    'modelspec.license': 'CC0',
    'modelspec.tags': 'a,b',
    'modelspec.usage_hint': 'hint',
    'modelspec.description': 'what',
  });
});

test('LoRAs that it stands on', () => {
  const origins = ['goes on from hero.safetensors', 'base with ink.safetensors:0.5'];
  const { ss_training_comment } = loraMetadata({ ...finishedRun(), origins }, 'x');
  expect(ss_training_comment).toContain('; goes on from hero.safetensors; base with ink.safetensors:0.5; ');
});

test('one session for all files of a run, another for the next run', () => {
  const run = finishedRun();
  const idOf = (startedAt: number, step: number): string =>
    loraMetadata({ ...run, state: { ...run.state, startedAt, step } }, 'x').ss_session_id;
  expect(idOf(1, 50)).toBe(idOf(1, 100));
  expect(idOf(2, 50)).not.toBe(idOf(1, 50));
});

describe('nothing private', () => {
  test('no path, and of folders only the data set’s own name', () => {
    const text = JSON.stringify(loraMetadata(finishedRun({}, { folder: secret }), 'x'));
    for (const word of ['somewhere', 'somebody', 'private pictures', 'models/'])
      expect(text).not.toContain(word);
  });

  test('a home folder as data set does not give its owner’s name away', () => {
    const { username } = userInfo();
    const { ss_dataset_dirs } = loraMetadata(finishedRun({}, { folder: `/${username}` }), 'x');
    expect(ss_dataset_dirs).toContain('"pictures":');
  });
});
