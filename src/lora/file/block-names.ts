/**
 * @file Two names for the same layer of a UNet: Diffusers blocks and the LDM blocks of the original code. kohya
 * writes the LDM names for SDXL (sd-scripts library/sdxl_model_util.py, make_unet_conversion_map).
 */

/** Resnets a level in the original code; the third place of three is the sampler. */
const layersPerLevel = 3;

const residualLeaves: Readonly<Record<string, string>> = {
  conv1: 'in_layers.2',
  conv2: 'out_layers.3',
  time_emb_proj: 'emb_layers.1',
  conv_shortcut: 'skip_connection',
};

const outsideBlocks: Readonly<Record<string, string>> = {
  conv_in: 'input_blocks.0.0',
  conv_out: 'out.2',
  'time_embedding.linear_1': 'time_embed.0',
  'time_embedding.linear_2': 'time_embed.2',
  'add_embedding.linear_1': 'label_emb.0.0',
  'add_embedding.linear_2': 'label_emb.0.2',
};

function ldmBlock(section: string, level: number, kind: string, layer: number): string {
  switch (`${section} ${kind}`) {
    case 'down resnets':
    case 'down attentions':
      return `input_blocks.${layersPerLevel * level + layer + 1}.${kind === 'resnets' ? 0 : 1}`;
    case 'down downsamplers':
      return `input_blocks.${layersPerLevel * level + layersPerLevel}.0`;
    case 'up upsamplers':
      return `output_blocks.${layersPerLevel * level + layersPerLevel - 1}.2`;
    default:
      return `output_blocks.${layersPerLevel * level + layer}.${kind === 'resnets' ? 0 : 1}`;
  }
}

/** `down_blocks.1.attentions.0.proj_in` → `input_blocks.4.1.proj_in`, for the SDXL UNet. */
export function ldmPath(path: string): string {
  if (Object.hasOwn(outsideBlocks, path)) return outsideBlocks[path];
  const middle = /^mid_block\.(resnets|attentions)\.(\d+)\.(.+)$/.exec(path);
  const block = /^(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.+)$/.exec(path);
  const [kind, leaf] = middle ? [middle[1], middle[3]] : block ? [block[3], block[5]] : ['', ''];
  const inside = kind === 'resnets' ? residualLeaves[leaf] : kind === 'downsamplers' ? 'op' : leaf;
  if (middle) return `middle_block.${kind === 'attentions' ? 1 : 2 * Number(middle[2])}.${inside}`;
  if (block) return `${ldmBlock(block[1], Number(block[2]), kind, Number(block[4]))}.${inside}`;
  return path;
}
