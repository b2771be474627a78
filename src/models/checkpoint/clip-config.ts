/** @file A text encoder's config.json. Defaults are those of transformers' CLIPTextConfig. */
import { join } from 'node:path';
import { z } from 'zod';
import type { ClipConfig } from '../clip/text-encoder.ts';
import { checkDivides, fewLayers, readConfig, type Supported, size } from './read-config.ts';

const supported: Supported = {
  model_type: ['clip_text_model', 'clip'],
  // A whole CLIP model with its text encoder inside.
  text_config: [null],
};

const schema = z.object({
  vocab_size: size.default(49408),
  hidden_size: size.default(512),
  intermediate_size: size.default(2048),
  projection_dim: size.nullish(),
  num_hidden_layers: fewLayers.default(12),
  num_attention_heads: size.default(8),
  hidden_act: z.enum(['quick_gelu', 'gelu']).default('quick_gelu'),
  max_position_embeddings: size.default(77),
  layer_norm_eps: z.number().positive().nullish(),
  eos_token_id: z.number().int().nonnegative().nullish(),
});

export function readClipConfig(folder: string): ClipConfig {
  const path = join(folder, 'config.json');
  const raw = readConfig(path, schema, supported);
  checkDivides(path, ['hidden_size', raw.hidden_size], ['num_attention_heads', raw.num_attention_heads]);
  return {
    hiddenSize: raw.hidden_size,
    innerSize: raw.intermediate_size,
    layers: raw.num_hidden_layers,
    heads: raw.num_attention_heads,
    activation: raw.hidden_act,
    maxTokens: raw.max_position_embeddings,
    vocabularySize: raw.vocab_size,
    projectionSize: raw.projection_dim ?? 512,
    layerNormEpsilon: raw.layer_norm_eps ?? 1e-5,
    endTokenId: raw.eos_token_id ?? 49407,
  };
}
