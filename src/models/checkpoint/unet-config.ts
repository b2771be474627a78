/** @file The UNet's config.json. Defaults are those of diffusers' UNet2DConditionModel. */
import { join } from 'node:path';
import { z } from 'zod';
import type { UnetConfig } from '../unet/unet.ts';
import {
  badConfig,
  channelList,
  checkDivides,
  fewLayers,
  readConfig,
  type Supported,
  size,
} from './read-config.ts';

/** `upcast_attention` needs nothing: everything is computed in float32. `dropout` is of the base's own training. */
const supported: Supported = {
  _class_name: ['UNet2DConditionModel'],
  center_input_sample: [false],
  freq_shift: [0, 1],
  mid_block_type: ['UNetMidBlock2DCrossAttn', 'UNetMidBlock2D'],
  only_cross_attention: [false],
  mid_block_only_cross_attention: [null, false],
  downsample_padding: [1],
  mid_block_scale_factor: [1],
  act_fn: ['silu', 'swish'],
  encoder_hid_dim: [null],
  encoder_hid_dim_type: [null],
  // Diffusers refuses it too (huggingface/diffusers#2011).
  num_attention_heads: [null],
  dual_cross_attention: [false],
  class_embed_type: [null],
  num_class_embeds: [null],
  class_embeddings_concat: [false],
  addition_embed_type: [null, 'text_time'],
  resnet_time_scale_shift: ['default'],
  resnet_skip_time_act: [false],
  resnet_out_scale_factor: [1],
  time_embedding_type: ['positional'],
  time_embedding_dim: [null],
  time_embedding_act_fn: [null],
  timestep_post_act: [null],
  time_cond_proj_dim: [null],
  conv_in_kernel: [3],
  conv_out_kernel: [3],
  attention_type: ['default'],
  cross_attention_norm: [null],
};

const oneOrList = <T extends z.ZodType>(value: T) =>
  z.union([value, z.array(value)], 'must be a whole number, or a list with one for each level');
const side = size.max(4096);
const square = z
  .tuple([side, side])
  .refine(([height, width]) => height === width, 'must be a square')
  .transform(([height]) => height);

/** Transformer layers of a level. */
const depth = z.number().int().nonnegative().max(100);

const schema = z.object({
  in_channels: size.default(4),
  out_channels: size.default(4),
  block_out_channels: channelList.default([320, 640, 1280, 1280]),
  down_block_types: z
    .array(z.enum(['CrossAttnDownBlock2D', 'DownBlock2D']))
    .default(['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D']),
  up_block_types: z
    .array(z.enum(['CrossAttnUpBlock2D', 'UpBlock2D']))
    .default(['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D']),
  layers_per_block: fewLayers.default(2),
  mid_block_type: z.string().default('UNetMidBlock2DCrossAttn'),
  cross_attention_dim: size.default(1280),
  attention_head_dim: oneOrList(size).default(8),
  transformer_layers_per_block: oneOrList(depth).default(1),
  reverse_transformer_layers_per_block: z.array(z.union([depth, z.array(depth)])).nullish(),
  norm_num_groups: size.default(32),
  norm_eps: z.number().positive().default(1e-5),
  flip_sin_to_cos: z.boolean().default(true),
  freq_shift: z.number().default(0),
  addition_embed_type: z.enum(['text_time']).nullish(),
  addition_time_embed_dim: size.nullish(),
  projection_class_embeddings_input_dim: size.nullish(),
  use_linear_projection: z.boolean().default(false),
  sample_size: z.union([side, square]).nullish(),
});
type Raw = z.infer<typeof schema>;

/** One value for each level. */
function levels(path: string, option: string, value: number | readonly number[], count: number): number[] {
  const values = typeof value === 'number' ? Array<number>(count).fill(value) : [...value];
  if (values.length === count) return values;
  throw badConfig(path, `${option} has ${values.length} values for ${count} levels`);
}

/** SSD-1B and Segmind Vega say the depths of the up path by themselves, some of them for each residual block. */
function upDepths(path: string, raw: Raw): (number | number[])[] | undefined {
  const depths = raw.reverse_transformer_layers_per_block;
  if (!depths) return undefined;
  const blocks = raw.layers_per_block + 1;
  const wrong = depths.find(depth => Array.isArray(depth) && depth.length !== blocks);
  if (depths.length === raw.block_out_channels.length && wrong === undefined) return depths;
  const why = `must have ${raw.block_out_channels.length} values, each a number or ${blocks} of them`;
  throw badConfig(path, `reverse_transformer_layers_per_block ${JSON.stringify(depths)} ${why}`);
}

type Attention = Pick<
  UnetConfig,
  'heads' | 'transformerLayers' | 'upTransformerLayers' | 'midTransformerLayers'
>;

function attentionOf(path: string, raw: Raw): Attention {
  const count = raw.block_out_channels.length;
  const layers = levels(path, 'transformer_layers_per_block', raw.transformer_layers_per_block, count);
  // Diffusers calls the number of heads `attention_head_dim` in these UNets (huggingface/diffusers#2011).
  const heads = levels(path, 'attention_head_dim', raw.attention_head_dim, count);
  const inLevel = (has: boolean, level: number): number => {
    if (!has) return 0;
    if (layers[level] === 0)
      throw badConfig(path, `transformer_layers_per_block is 0 at level ${level}, which has attention`);
    checkDivides(
      path,
      ['block_out_channels', raw.block_out_channels[level]],
      ['attention_head_dim (the number of heads)', heads[level]],
    );
    return layers[level];
  };
  return {
    heads,
    transformerLayers: raw.down_block_types.map((type, i) => inLevel(type === 'CrossAttnDownBlock2D', i)),
    upTransformerLayers: raw.up_block_types.map((type, i) => {
      const own = inLevel(type === 'CrossAttnUpBlock2D', count - 1 - i);
      return own === 0 ? 0 : (upDepths(path, raw)?.[i] ?? own);
    }),
    midTransformerLayers: raw.mid_block_type === 'UNetMidBlock2D' ? 0 : inLevel(true, count - 1),
  };
}

/** A sinusoidal embedding is half sines, half cosines. */
function checkEven(path: string, option: string, width: number): void {
  if (width % 2 !== 0) throw badConfig(path, `${option} ${width} is odd`);
}

/** SDXL's embedding of pooled text and size numbers. */
function additionOf(path: string, raw: Raw): Pick<UnetConfig, 'additionTimeWidth' | 'additionWidth'> {
  if (!raw.addition_embed_type) return { additionTimeWidth: undefined, additionWidth: undefined };
  const { addition_time_embed_dim: time, projection_class_embeddings_input_dim: width } = raw;
  if (!time || !width) {
    const options = 'addition_time_embed_dim and projection_class_embeddings_input_dim';
    throw badConfig(path, `addition_embed_type text_time needs ${options}`);
  }
  checkEven(path, 'addition_time_embed_dim', time);
  return { additionTimeWidth: time, additionWidth: width };
}

export function readUnetConfig(folder: string): UnetConfig & { sampleSize: number | undefined } {
  const path = join(folder, 'config.json');
  const raw = readConfig(path, schema, supported);
  const count = raw.block_out_channels.length;
  if (raw.down_block_types.length !== count || raw.up_block_types.length !== count)
    throw badConfig(path, `${count} block_out_channels need ${count} down_block_types and up_block_types`);
  for (const channels of raw.block_out_channels)
    checkDivides(path, ['block_out_channels', channels], ['norm_num_groups', raw.norm_num_groups]);
  checkEven(path, 'block_out_channels', raw.block_out_channels[0]);
  return {
    inChannels: raw.in_channels,
    outChannels: raw.out_channels,
    channels: raw.block_out_channels,
    ...attentionOf(path, raw),
    layersPerBlock: raw.layers_per_block,
    contextWidth: raw.cross_attention_dim,
    normGroups: raw.norm_num_groups,
    normEpsilon: raw.norm_eps,
    flipSinToCos: raw.flip_sin_to_cos,
    frequencyShift: raw.freq_shift,
    ...additionOf(path, raw),
    linearProjection: raw.use_linear_projection,
    sampleSize: raw.sample_size ?? undefined,
  };
}
