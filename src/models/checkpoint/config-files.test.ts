/** Configs: defaults as in diffusers and transformers, and nothing that changes a model is ignored. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeConfig } from '../../../test/support/configs.ts';
import {
  checkModelIndex,
  readClipConfig,
  readSchedulerConfig,
  readUnetConfig,
  readVaeConfig,
} from './config-files.ts';

function inFolder(name: string, json: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'lora-config-'));
  writeFileSync(join(folder, name), JSON.stringify(json));
  return folder;
}
const readers = {
  unet: (json: unknown) => readUnetConfig(writeConfig(json)),
  vae: (json: unknown) => readVaeConfig(writeConfig(json)),
  clip: (json: unknown) => readClipConfig(writeConfig(json)),
  scheduler: (json: unknown) => readSchedulerConfig(inFolder('scheduler_config.json', json)),
  index: (json: unknown) => checkModelIndex(inFolder('model_index.json', json)),
};

describe('defaults of an empty config', () => {
  // inspect.signature of diffusers 0.42.1 and transformers 5.24.
  test('UNet2DConditionModel', () => {
    expect(readers.unet({})).toMatchObject({
      ...{ inChannels: 4, outChannels: 4, channels: [320, 640, 1280, 1280], layersPerBlock: 2 },
      ...{ transformerLayers: [1, 1, 1, 0], upTransformerLayers: [0, 1, 1, 1], midTransformerLayers: 1 },
      ...{ heads: [8, 8, 8, 8], contextWidth: 1280, normGroups: 32, normEpsilon: 1e-5, flipSinToCos: true },
      ...{ frequencyShift: 0, additionWidth: undefined, linearProjection: false, sampleSize: undefined },
    });
  });
  test('AutoencoderKL', () => {
    expect(readers.vae({})).toEqual({
      ...{ latentChannels: 4, channels: [64], layersPerBlock: 1, normGroups: 32, midAttention: true },
      ...{ quantConv: true, postQuantConv: true, scalingFactor: 0.18215 },
    });
  });
  test('CLIPTextConfig', () => {
    expect(readers.clip({})).toEqual({
      ...{ hiddenSize: 512, innerSize: 2048, layers: 12, heads: 8, activation: 'quick_gelu', maxTokens: 77 },
      ...{ vocabularySize: 49408, projectionSize: 512, layerNormEpsilon: 1e-5, endTokenId: 49407 },
    });
  });
  test('DDIMScheduler', () => {
    expect(readers.scheduler({})).toEqual({
      ...{ trainSteps: 1000, betaStart: 0.0001, betaEnd: 0.02, betaSchedule: 'linear' },
      ...{ predictionType: 'epsilon', timestepSpacing: 'leading', stepsOffset: 1, setAlphaToOne: true },
      ...{ saysSpacing: false, rescaleZeroTerminalSnr: false },
    });
  });
});

const sdxl = {
  ...{ block_out_channels: [320, 640, 1280], attention_head_dim: [5, 10, 20], cross_attention_dim: 2048 },
  down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'],
  up_block_types: ['CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'UpBlock2D'],
  ...{ transformer_layers_per_block: [0, 2, 10], use_linear_projection: true, upcast_attention: null },
  ...{ addition_embed_type: 'text_time', addition_time_embed_dim: 256, sample_size: [128, 128] },
  projection_class_embeddings_input_dim: 2816,
};

test('SDXL: lists by level, reversed on the way up', () => {
  expect(readers.unet(sdxl)).toMatchObject({
    ...{ heads: [5, 10, 20], transformerLayers: [0, 2, 10], upTransformerLayers: [10, 2, 0] },
    ...{ midTransformerLayers: 10, additionTimeWidth: 256, additionWidth: 2816, linearProjection: true },
    sampleSize: 128,
  });
});

test.each<[part: keyof typeof readers, option: string, value: unknown]>([
  ['unet', '_class_name', 'UNet2DModel'],
  ['unet', 'center_input_sample', true],
  ['unet', 'mid_block_type', null],
  ['unet', 'mid_block_type', 'UNetMidBlock2DSimpleCrossAttn'],
  ['unet', 'only_cross_attention', true],
  ['unet', 'only_cross_attention', [true, true, true, false]],
  ['unet', 'mid_block_only_cross_attention', true],
  ['unet', 'act_fn', 'gelu'],
  ['unet', 'reverse_transformer_layers_per_block', [[1], [1], [1], [1]]],
  ['unet', 'encoder_hid_dim_type', 'text_proj'],
  ['unet', 'num_attention_heads', 8],
  ['unet', 'dual_cross_attention', true],
  ['unet', 'class_embed_type', 'projection'],
  ['unet', 'num_class_embeds', 1000],
  ['unet', 'addition_embed_type', 'text_image'],
  ['unet', 'resnet_time_scale_shift', 'scale_shift'],
  ['unet', 'resnet_skip_time_act', true],
  ['unet', 'resnet_out_scale_factor', 1.4],
  ['unet', 'mid_block_scale_factor', 2],
  ['unet', 'downsample_padding', 0],
  ['unet', 'time_embedding_type', 'fourier'],
  ['unet', 'time_cond_proj_dim', 256],
  ['unet', 'conv_in_kernel', 1],
  ['unet', 'attention_type', 'gated'],
  ['unet', 'cross_attention_norm', 'group_norm'],
  ['unet', 'norm_num_groups', null],
  ['unet', 'cross_attention_dim', [768, 768, 768, 768]],
  ['unet', 'transformer_layers_per_block', [1, [1, 2], 1, 1]],
  ['unet', 'transformer_layers_per_block', [1, 0, 1, 1]],
  ['unet', 'transformer_layers_per_block', [1, 1]],
  ['unet', 'attention_head_dim', [8, 8]],
  ['unet', 'attention_head_dim', 7],
  ['unet', 'norm_num_groups', 7],
  ['unet', 'block_out_channels', [320, 640]],
  ['unet', 'layers_per_block', 1e9],
  ['unet', 'sample_size', [64, 96]],
  ['unet', 'addition_embed_type', 'text_time'],
  ['vae', '_class_name', 'AutoencoderTiny'],
  ['vae', 'in_channels', 4],
  ['vae', 'down_block_types', ['AttnDownEncoderBlock2D']],
  ['vae', 'act_fn', 'relu'],
  ['vae', 'shift_factor', 0.0609],
  ['vae', 'latents_mean', [-1.65, 1.14, 2.8, -2.97]],
  ['vae', 'latents_std', [8.4927, 5.9022, 6.5498, 5.2299]],
  ['vae', 'norm_num_groups', 24],
  ['vae', 'block_out_channels', [64, 128]],
  ['clip', 'model_type', 'xlm-roberta'],
  ['clip', 'text_config', { hidden_size: 512 }],
  ['clip', 'hidden_act', 'relu'],
  ['clip', 'num_attention_heads', 7],
  ['clip', 'eos_token_id', [49407]],
  ['scheduler', '_class_name', 'FlowMatchEulerDiscreteScheduler'],
  ['scheduler', '_class_name', 'EDMEulerScheduler'],
  ['scheduler', 'prediction_type', 'sample'],
  ['scheduler', 'beta_schedule', 'exp'],
  ['scheduler', 'beta_end', 1.5],
  ['scheduler', 'beta_start', 0.5],
  ['scheduler', 'trained_betas', [0.1, 0.2]],
  ['scheduler', 'thresholding', true],
  ['scheduler', 'timestep_type', 'continuous'],
  ['scheduler', 'sigma_max', 700],
  ['scheduler', 'timestep_spacing', 'random'],
  ['index', 'unet', [null, null]],
  ['index', 'vae', ['diffusers', 'AsymmetricAutoencoderKL']],
  ['index', 'text_encoder', ['kolors', 'ChatGLMModel']],
  ['index', 'tokenizer', 5],
  ['index', 'requires_aesthetics_score', true],
])('%s: %s %j is refused by name', (part, option, value) => {
  const rest = part === 'index' ? { unet: ['diffusers', 'UNet2DConditionModel'] } : {};
  expect(() => readers[part]({ ...rest, [option]: value })).toThrow(
    expect.objectContaining({
      ...{ code: 'CHECKPOINT_BAD_CONFIG', exit: 'badInput' },
      message: expect.stringContaining(option),
    }),
  );
});

test.each(['null', '[]', '3', '{"in_channels": 4', ''])('%j is no config', text => {
  const folder = writeConfig({});
  writeFileSync(join(folder, 'config.json'), text);
  for (const read of [readUnetConfig, readVaeConfig, readClipConfig])
    expect(() => read(folder)).toThrow(expect.objectContaining({ code: 'CHECKPOINT_BAD_CONFIG' }));
});

test('what diffusers ignores or has no effect in float32 is accepted', () => {
  readers.unet({ decay: 0.9999, upcast_attention: true, dropout: 0.1, only_cross_attention: [false, false] });
  readers.vae({ force_upcast: false, sample_size: 512, shift_factor: null });
  readers.scheduler({ _class_name: 'PNDMScheduler', clip_sample: true, skip_prk_steps: true });
  readers.index({ unet: ['diffusers', 'UNet2DConditionModel'], safety_checker: [null, null] });
});
