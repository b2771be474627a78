/** @file Every tensor of a CLIP text encoder and its shape, from the configuration alone. */
import { layer, type Shapes } from '../shapes.ts';
import type { ClipConfig } from './text-encoder.ts';

/** Names (as transformers 4 writes them) and shapes of all weights of a text encoder. */
export function clipShapes(config: ClipConfig, { projects }: { projects: boolean }): Shapes {
  const shapes: Shapes = new Map();
  const { hiddenSize: hidden, innerSize: inner } = config;
  layer(shapes, 'text_model.embeddings.token_embedding', [config.vocabularySize, hidden], false);
  layer(shapes, 'text_model.embeddings.position_embedding', [config.maxTokens, hidden], false);
  for (let i = 0; i < config.layers; i++) {
    const block = `text_model.encoder.layers.${i}`;
    for (const norm of ['layer_norm1', 'layer_norm2']) layer(shapes, `${block}.${norm}`, [hidden]);
    for (const linear of ['q_proj', 'k_proj', 'v_proj', 'out_proj'])
      layer(shapes, `${block}.self_attn.${linear}`, [hidden, hidden]);
    layer(shapes, `${block}.mlp.fc1`, [inner, hidden]);
    layer(shapes, `${block}.mlp.fc2`, [hidden, inner]);
  }
  layer(shapes, 'text_model.final_layer_norm', [hidden]);
  if (projects) layer(shapes, 'text_projection', [config.projectionSize, hidden], false);
  return shapes;
}
