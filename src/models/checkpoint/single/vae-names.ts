/** @file What the autoencoder's tensors are called in the LDM layout. */

const attentionParts: Readonly<Record<string, string>> = {
  group_norm: 'norm',
  to_q: 'q',
  to_k: 'k',
  to_v: 'v',
  'to_out.0': 'proj_out',
};

/** Our name of a tensor → its name in the LDM layout, without the `first_stage_model.` in front; `levels` of resolution. */
export function ldmVaeName(name: string, levels: number): string {
  return name
    .replace(
      /^(encoder|decoder)\.mid_block\.resnets\.(\d)\./,
      (_, side: string, i: string) => `${side}.mid.block_${Number(i) + 1}.`,
    )
    .replace(
      /^(encoder|decoder)\.mid_block\.attentions\.0\.(group_norm|to_q|to_k|to_v|to_out\.0)\./,
      (_, side: string, part: string) => `${side}.mid.attn_1.${attentionParts[part]}.`,
    )
    .replace(/^encoder\.down_blocks\.(\d+)\.resnets\.(\d+)\./, 'encoder.down.$1.block.$2.')
    .replace(/^encoder\.down_blocks\.(\d+)\.downsamplers\.0\.conv\./, 'encoder.down.$1.downsample.conv.')
    .replace(
      /^decoder\.up_blocks\.(\d+)\.resnets\.(\d+)\./,
      (_, block: string, i: string) => `decoder.up.${levels - 1 - Number(block)}.block.${i}.`,
    )
    .replace(
      /^decoder\.up_blocks\.(\d+)\.upsamplers\.0\.conv\./,
      (_, block: string) => `decoder.up.${levels - 1 - Number(block)}.upsample.conv.`,
    )
    .replace('.conv_norm_out.', '.norm_out.')
    .replace('.conv_shortcut.', '.nin_shortcut.');
}
