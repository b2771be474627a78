/** @file The autoencoder's config.json. Defaults are those of diffusers' AutoencoderKL. */
import { join } from 'node:path';
import { z } from 'zod';
import type { VaeConfig } from '../vae/vae.ts';
import {
  badConfig,
  channelList,
  checkDivides,
  fewLayers,
  readConfig,
  type Supported,
  size,
} from './read-config.ts';

/** `force_upcast` needs nothing: everything is computed in float32. */
const supported: Supported = {
  _class_name: ['AutoencoderKL'],
  in_channels: [3],
  out_channels: [3],
  down_block_types: ['DownEncoderBlock2D'],
  up_block_types: ['UpDecoderBlock2D'],
  act_fn: ['silu', 'swish'],
  // Latents that are shifted or scaled per channel: SD 3, Flux, Playground 2.5.
  shift_factor: [null, 0],
  latents_mean: [null],
  latents_std: [null],
};

const schema = z.object({
  latent_channels: size.default(4),
  block_out_channels: channelList.default([64]),
  down_block_types: z.array(z.string()).default(['DownEncoderBlock2D']),
  up_block_types: z.array(z.string()).default(['UpDecoderBlock2D']),
  layers_per_block: fewLayers.default(1),
  norm_num_groups: size.default(32),
  mid_block_add_attention: z.boolean().default(true),
  use_quant_conv: z.boolean().default(true),
  use_post_quant_conv: z.boolean().default(true),
  scaling_factor: z.number().positive().default(0.18215),
});

export function readVaeConfig(folder: string): VaeConfig {
  const path = join(folder, 'config.json');
  const raw = readConfig(path, schema, supported);
  const count = raw.block_out_channels.length;
  if (raw.down_block_types.length !== count || raw.up_block_types.length !== count)
    throw badConfig(path, `${count} block_out_channels need ${count} down_block_types and up_block_types`);
  for (const channels of raw.block_out_channels)
    checkDivides(path, ['block_out_channels', channels], ['norm_num_groups', raw.norm_num_groups]);
  return {
    latentChannels: raw.latent_channels,
    channels: raw.block_out_channels,
    layersPerBlock: raw.layers_per_block,
    normGroups: raw.norm_num_groups,
    midAttention: raw.mid_block_add_attention,
    quantConv: raw.use_quant_conv,
    postQuantConv: raw.use_post_quant_conv,
    scalingFactor: raw.scaling_factor,
  };
}
