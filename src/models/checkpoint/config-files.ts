/** @file Diffusers config files, validated and turned into our configurations. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { badInput } from '../../errors.ts';
import type { ClipConfig } from '../clip/text-encoder.ts';
import type { UnetConfig } from '../unet/unet.ts';
import type { VaeConfig } from '../vae/vae.ts';

/** Reads one JSON file and checks it; errors name the file and the field. */
export function readConfig<T>(path: string, schema: z.ZodType<T>): T {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw badInput(
      'CHECKPOINT_MISSING_FILE',
      `${path} cannot be read`,
      'Is the checkpoint folder complete?',
      cause,
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw badInput('CHECKPOINT_BAD_CONFIG', `${path} is not valid JSON`, 'Fetch the file again.', cause);
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw badInput('CHECKPOINT_BAD_CONFIG', `${path}: ${issue.path.join('.')}: ${issue.message}`);
}

const size = z.number().int().positive();
const perLevel = z.union([size, z.array(size)]);

const clipSchema = z.object({
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  hidden_act: z.enum(['quick_gelu', 'gelu']).default('quick_gelu'),
  max_position_embeddings: size.default(77),
  layer_norm_eps: z.number().positive().default(1e-5),
  eos_token_id: z.number().int().nullish(),
});

export function readClipConfig(folder: string): ClipConfig {
  const raw = readConfig(join(folder, 'config.json'), clipSchema);
  return {
    hiddenSize: raw.hidden_size,
    layers: raw.num_hidden_layers,
    heads: raw.num_attention_heads,
    activation: raw.hidden_act,
    maxTokens: raw.max_position_embeddings,
    layerNormEpsilon: raw.layer_norm_eps,
    endTokenId: raw.eos_token_id ?? 49407,
  };
}

const downBlocks = z.array(z.enum(['CrossAttnDownBlock2D', 'DownBlock2D']));
const upBlocks = z.array(z.enum(['CrossAttnUpBlock2D', 'UpBlock2D']));

const unetSchema = z.object({
  in_channels: size,
  out_channels: size,
  block_out_channels: z.array(size).min(1),
  down_block_types: downBlocks,
  up_block_types: upBlocks,
  layers_per_block: size.default(2),
  cross_attention_dim: size,
  attention_head_dim: perLevel.default(8),
  num_attention_heads: perLevel.nullish(),
  transformer_layers_per_block: perLevel.default(1),
  norm_num_groups: size.default(32),
  norm_eps: z.number().positive().default(1e-5),
  flip_sin_to_cos: z.boolean().default(true),
  freq_shift: z.number().default(0),
  addition_embed_type: z.enum(['text_time']).nullish(),
  addition_time_embed_dim: size.nullish(),
  projection_class_embeddings_input_dim: size.nullish(),
  use_linear_projection: z.boolean().default(false),
  sample_size: size.nullish(),
});

const spread = (value: number | number[], count: number): number[] =>
  Array.isArray(value) ? value : Array.from({ length: count }, () => value);

export function readUnetConfig(folder: string): UnetConfig & { sampleSize: number | undefined } {
  const path = join(folder, 'config.json');
  const raw = readConfig(path, unetSchema);
  const count = raw.block_out_channels.length;
  if (raw.down_block_types.length !== count || raw.up_block_types.length !== count) {
    throw badInput(
      'CHECKPOINT_BAD_CONFIG',
      `${path}: ${count} channel sizes need ${count} down and up blocks`,
    );
  }
  const layers = spread(raw.transformer_layers_per_block, count);
  // Diffusers calls the number of heads `attention_head_dim` in these UNets (huggingface/diffusers#2011).
  const heads = spread(raw.num_attention_heads ?? raw.attention_head_dim, count);
  return {
    inChannels: raw.in_channels,
    outChannels: raw.out_channels,
    channels: raw.block_out_channels,
    transformerLayers: raw.down_block_types.map((type, i) =>
      type === 'CrossAttnDownBlock2D' ? layers[i] : 0,
    ),
    upTransformerLayers: raw.up_block_types.map((type, i) =>
      type === 'CrossAttnUpBlock2D' ? layers[count - 1 - i] : 0,
    ),
    midTransformerLayers: layers[count - 1],
    heads,
    layersPerBlock: raw.layers_per_block,
    contextWidth: raw.cross_attention_dim,
    normGroups: raw.norm_num_groups,
    normEpsilon: raw.norm_eps,
    flipSinToCos: raw.flip_sin_to_cos,
    frequencyShift: raw.freq_shift,
    additionTimeWidth: raw.addition_embed_type ? (raw.addition_time_embed_dim ?? 256) : undefined,
    additionWidth: raw.addition_embed_type ? (raw.projection_class_embeddings_input_dim ?? 2816) : undefined,
    linearProjection: raw.use_linear_projection,
    sampleSize: raw.sample_size ?? undefined,
  };
}

const vaeSchema = z.object({
  latent_channels: size,
  block_out_channels: z.array(size).min(1),
  layers_per_block: size.default(1),
  norm_num_groups: size.default(32),
  mid_block_add_attention: z.boolean().default(true),
  scaling_factor: z.number().positive().default(0.18215),
});

export function readVaeConfig(folder: string): VaeConfig {
  const raw = readConfig(join(folder, 'config.json'), vaeSchema);
  return {
    latentChannels: raw.latent_channels,
    channels: raw.block_out_channels,
    layersPerBlock: raw.layers_per_block,
    normGroups: raw.norm_num_groups,
    midAttention: raw.mid_block_add_attention,
    scalingFactor: raw.scaling_factor,
  };
}

const schedulerSchema = z.object({
  num_train_timesteps: size.default(1000),
  beta_start: z.number().positive().default(0.00085),
  beta_end: z.number().positive().default(0.012),
  beta_schedule: z.enum(['linear', 'scaled_linear', 'squaredcos_cap_v2']).default('scaled_linear'),
  prediction_type: z.enum(['epsilon', 'v_prediction']).default('epsilon'),
  timestep_spacing: z.enum(['leading', 'trailing', 'linspace']).default('leading'),
  steps_offset: z.number().int().default(1),
  set_alpha_to_one: z.boolean().default(false),
  rescale_betas_zero_snr: z.boolean().default(false),
});

export interface SchedulerConfig {
  readonly trainSteps: number;
  readonly betaStart: number;
  readonly betaEnd: number;
  readonly betaSchedule: 'linear' | 'scaled_linear' | 'squaredcos_cap_v2';
  readonly predictionType: 'epsilon' | 'v_prediction';
  readonly timestepSpacing: 'leading' | 'trailing' | 'linspace';
  readonly stepsOffset: number;
  readonly setAlphaToOne: boolean;
  readonly rescaleZeroTerminalSnr: boolean;
}

export function readSchedulerConfig(folder: string): SchedulerConfig {
  const raw = readConfig(join(folder, 'scheduler_config.json'), schedulerSchema);
  return {
    trainSteps: raw.num_train_timesteps,
    betaStart: raw.beta_start,
    betaEnd: raw.beta_end,
    betaSchedule: raw.beta_schedule,
    predictionType: raw.prediction_type,
    timestepSpacing: raw.timestep_spacing,
    stepsOffset: raw.steps_offset,
    setAlphaToOne: raw.set_alpha_to_one,
    rescaleZeroTerminalSnr: raw.rescale_betas_zero_snr,
  };
}
