/** @file Reads block and layer out of the name of a LoRA module, whatever dialect it is in. */

const blockPattern =
  /((?:down|up|input|output)_blocks?[._]\d+|mid(?:dle)?_block|text_model[._]encoder[._]layers[._]\d+)/;

function textPrefix(module: string): string {
  if (/text_encoder_2|lora_te2/.test(module)) return 'te2 ';
  return /text_encoder|lora_te/.test(module) ? 'te ' : '';
}

/** `lora_unet_down_blocks_1_attentions_0_…` → `down_blocks.1`; `lora_te_text_model_encoder_layers_3_…` → `te layers.3` */
export function blockOf(module: string): string {
  const block = blockPattern.exec(module)?.[1] ?? 'other';
  const short = block.replace(/^text_model[._]encoder[._]/, '').replace(/_(\d+)$/, '.$1');
  return textPrefix(module) + short;
}

/** Ends of module names, in Diffusers and in LDM naming; kohya writes `_` where these have `.`. */
const layers: readonly string[] = [
  ...['attn1', 'attn2'].flatMap(attention =>
    ['to_q', 'to_k', 'to_v', 'to_out.0'].map(name => `${attention}.${name}`),
  ),
  ...['ff.net.0.proj', 'ff.net.2', 'proj_in', 'proj_out'],
  ...['conv_shortcut', 'conv_in', 'conv_out', 'conv1', 'conv2', 'conv', 'time_emb_proj'],
  ...['time_embedding.linear_1', 'time_embedding.linear_2'],
  ...['in_layers.2', 'out_layers.3', 'emb_layers.1', 'skip_connection', 'op'],
  ...['q_proj', 'k_proj', 'v_proj', 'out_proj', 'fc1', 'fc2', 'text_projection'],
];
const endings = layers.map(layer => ({ layer, ending: layer.replaceAll('.', '_') }));

/** `lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q` → `attn1.to_q` */
export function layerOf(module: string): string {
  const flat = `_${module.replaceAll('.', '_')}`;
  const layer = endings.find(({ ending }) => flat.endsWith(`_${ending}`))?.layer ?? 'other';
  return textPrefix(module) + layer;
}
