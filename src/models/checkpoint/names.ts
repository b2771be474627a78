/** @file What tensors are called in files of other versions than the one that our names are of. */
import type { NameMap } from './weights.ts';

/** The autoencoder's attention before diffusers 0.17, as most SD 1.x and 2.x files still have it. */
export const oldAttention: Readonly<Record<string, string>> = {
  query: 'to_q',
  key: 'to_k',
  value: 'to_v',
  proj_attn: 'to_out.0',
};

export const vaeName: NameMap = name =>
  name.replace(
    /^((?:en|de)coder\.mid_block\.attentions\.0\.)(query|key|value|proj_attn)(?=\.)/,
    (_, path: string, layer: string) => path + oldAttention[layer],
  );

/**
 * transformers 5 leaves `text_model.` out. `position_ids` and `logit_scale` are no weights of the text encoder, nor is
 * the projection where nothing is pooled (transformers' CLIPTextModel leaves it unread too).
 */
export function clipName({ projects }: { projects: boolean }): NameMap {
  return name => {
    if (/(^|\.)position_ids$|^logit_scale$/.test(name)) return undefined;
    if (name.startsWith('text_projection.')) return projects ? name : undefined;
    return name.startsWith('text_model.') ? name : `text_model.${name}`;
  };
}
