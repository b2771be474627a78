/** @file What a text encoder's tensors are called in single files: transformers' names, or those of OpenCLIP. */

import type { Stored } from '../../layers.ts';

export type { Stored };

const openClipOutside: Readonly<Record<string, Stored>> = {
  'text_model.embeddings.token_embedding.weight': { name: 'token_embedding.weight' },
  'text_model.embeddings.position_embedding.weight': { name: 'positional_embedding' },
  'text_model.final_layer_norm.weight': { name: 'ln_final.weight' },
  'text_model.final_layer_norm.bias': { name: 'ln_final.bias' },
  'text_projection.weight': { name: 'text_projection', turned: true },
};

const openClipParts: Readonly<Record<string, string>> = {
  layer_norm1: 'ln_1',
  layer_norm2: 'ln_2',
  'self_attn.out_proj': 'attn.out_proj',
  'mlp.fc1': 'mlp.c_fc',
  'mlp.fc2': 'mlp.c_proj',
};

/** Our name of a tensor → where OpenCLIP has it. */
export function openClipName(name: string): Stored {
  if (Object.hasOwn(openClipOutside, name)) return openClipOutside[name];
  const match = /^text_model\.encoder\.layers\.(\d+)\.(.*)\.(weight|bias)$/.exec(name);
  if (!match) throw new Error(`${name} is not a tensor of a text encoder`);
  const [, layer, part, leaf] = match;
  const block = `transformer.resblocks.${layer}`;
  const third = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'].indexOf(part);
  if (third >= 0) return { name: `${block}.attn.in_proj_${leaf}`, third: third as 0 | 1 | 2 };
  return { name: `${block}.${openClipParts[part]}.${leaf}` };
}
