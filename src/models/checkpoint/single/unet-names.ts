/**
 * @file What a UNet's tensors are called in single-file checkpoints: the layout of CompVis' latent-diffusion (LDM), where
 * all blocks of one direction are numbered through, and those of Diffusers' `UNet2DConditionModel`, which are ours.
 */
import type { UnetConfig } from '../../unet/unet.ts';

const resnetParts: Readonly<Record<string, string>> = {
  norm1: 'in_layers.0',
  conv1: 'in_layers.2',
  time_emb_proj: 'emb_layers.1',
  norm2: 'out_layers.0',
  conv2: 'out_layers.3',
  conv_shortcut: 'skip_connection',
};

const outside: Readonly<Record<string, string>> = {
  conv_in: 'input_blocks.0.0',
  'time_embedding.linear_1': 'time_embed.0',
  'time_embedding.linear_2': 'time_embed.2',
  'add_embedding.linear_1': 'label_emb.0.0',
  'add_embedding.linear_2': 'label_emb.0.2',
  conv_norm_out: 'out.0',
  conv_out: 'out.2',
};

/** What the numbering depends on: an upsampler comes after the transformers of its block. */
type UnetLayout = Pick<UnetConfig, 'layersPerBlock' | 'upTransformerLayers'>;

function blockName(path: readonly string[], layout: UnetLayout): string {
  const [direction, block, kind, layer] = [path[0], Number(path[1]), path[2], Number(path[3])];
  const perBlock = layout.layersPerBlock + 1;
  if (direction === 'down_blocks') {
    if (kind === 'downsamplers') return `input_blocks.${perBlock * (block + 1)}.0.op`;
    return `input_blocks.${1 + perBlock * block + layer}.${kind === 'resnets' ? 0 : 1}`;
  }
  if (kind === 'upsamplers')
    return `output_blocks.${perBlock * block + layout.layersPerBlock}.${layout.upTransformerLayers[block] === 0 ? 1 : 2}.conv`;
  return `output_blocks.${perBlock * block + layer}.${kind === 'resnets' ? 0 : 1}`;
}

/** Our name of a tensor → its name in the LDM layout, without the `model.diffusion_model.` in front. */
export function ldmUnetName(name: string, layout: UnetLayout): string {
  const [, layer, leaf] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
  if (layer === undefined) throw new Error(`${name} is not a tensor of a layer`);
  if (Object.hasOwn(outside, layer)) return `${outside[layer]}.${leaf}`;
  const mid = /^mid_block\.(resnets|attentions)\.(\d)\.(.*)$/.exec(layer);
  if (mid) {
    const [, kind, index, rest] = mid;
    if (kind === 'attentions') return `middle_block.1.${rest}.${leaf}`;
    return `middle_block.${Number(index) * 2}.${resnetParts[rest]}.${leaf}`;
  }
  const path = layer.split('.');
  const block = blockName(path, layout);
  if (path[2].endsWith('samplers')) return `${block}.${leaf}`;
  const rest = path.slice(4).join('.');
  return `${block}.${path[2] === 'resnets' ? resnetParts[rest] : rest}.${leaf}`;
}
