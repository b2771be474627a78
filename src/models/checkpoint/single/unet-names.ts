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

const inverse = (parts: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(parts).map(([own, ldm]) => [ldm.replaceAll('.', '_'), own]));

const ldmOutside = inverse(outside);
const ldmResnetParts = inverse(resnetParts);

/** Published models have two resnets and a sampler a level. */
const perLevel = 3;

function blockPath(direction: string, index: number, place: number, rest: string): string | undefined {
  if (direction === 'input') {
    const [level, layer] = [Math.floor((index - 1) / perLevel), (index - 1) % perLevel];
    if (rest === 'op') return `down_blocks.${level}.downsamplers.0.conv`;
    return insidePath(`down_blocks.${level}`, place === 1, layer, rest);
  }
  const [level, layer] = [Math.floor(index / perLevel), index % perLevel];
  if (rest === 'conv') return `up_blocks.${level}.upsamplers.0.conv`;
  return insidePath(`up_blocks.${level}`, place === 1, layer, rest);
}

function insidePath(block: string, isAttention: boolean, layer: number, rest: string): string | undefined {
  if (isAttention) return `${block}.attentions.${layer}.${rest}`;
  const part = ldmResnetParts.get(rest);
  return part && `${block}.resnets.${layer}.${part}`;
}

/**
 * The way back, for one layer (no `.weight`) of a published model, of whatever depth; dots may be `_`, as kohya writes
 * them, and stay so inside a transformer. Undefined for what is no layer of the LDM layout.
 */
export function fromLdmUnetName(layer: string): string | undefined {
  const flat = layer.replaceAll('.', '_');
  const alone = ldmOutside.get(flat);
  if (alone) return alone;
  const middle = /^middle_block_([012])_(.+)$/.exec(flat);
  if (middle) {
    const place = Number(middle[1]);
    return insidePath('mid_block', place === 1, place >> 1, middle[2]);
  }
  const [, direction, index, place, rest] = /^(input|output)_blocks_(\d+)_([012])_(.+)$/.exec(flat) ?? [];
  return direction && blockPath(direction, Number(index), Number(place), rest);
}
