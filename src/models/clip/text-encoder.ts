/**
 * @file CLIP's text transformer (Radford et al. 2021) as a function over the graph: one code for CLIP-L (SD 1.x),
 * OpenCLIP-H (SD 2.x), CLIP-L and OpenCLIP-bigG (SDXL).
 */

import type { Value } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { ModelScope } from '../layers.ts';

export interface ClipConfig {
  readonly hiddenSize: number;
  /** Width inside the feed-forward layers. */
  readonly innerSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly activation: 'quick_gelu' | 'gelu';
  readonly maxTokens: number;
  readonly vocabularySize: number;
  /** Width of the pooled output, where there is one. */
  readonly projectionSize: number;
  readonly layerNormEpsilon: number;
  /** Id of the end token, whose state is the pooled output; `legacyEndToken` in older files. */
  readonly endTokenId: number;
}

/** What configs from before huggingface/transformers#24773 say, SDXL's among them: the highest id is meant. */
export const legacyEndToken = 2;

export interface TextStates {
  /** After the last layer and the final norm: what SD 1.x and 2.x condition on. [n, tokens, hidden] */
  readonly last: Value;
  /** Before the last layer, without norm: what SDXL conditions on. [n, tokens, hidden] */
  readonly penultimate: Value;
  /**
   * States with this many of the last layers left out (0 = none). Without norm, or with the final one, as SD 1.x and 2.x
   * read an earlier layer (`clip skip`). [n, tokens, hidden]
   */
  before(layers: number, options: { readonly norm: boolean }): Value;
}

const activations = { quick_gelu: f.quickGelu, gelu: f.gelu } as const;

function causalMask(like: Value, tokens: number): Value {
  const mask = new Float32Array(tokens * tokens);
  for (let row = 0; row < tokens; row++)
    mask.fill(-3.4028234663852886e38, row * tokens + row + 1, (row + 1) * tokens);
  return f.floats(like, [1, 1, tokens, tokens], mask);
}

function selfAttention(scope: ModelScope, x: Value, heads: number, mask: Value): Value {
  const [q, k, v] = ['q_proj', 'k_proj', 'v_proj'].map(name => scope.linear(x, name));
  return scope.linear(f.attention(q, k, v, heads, mask), 'out_proj');
}

function encoderLayer(scope: ModelScope, x: Value, config: ClipConfig, mask: Value): Value {
  const epsilon = config.layerNormEpsilon;
  const normed = scope.layerNorm(x, 'layer_norm1', epsilon);
  const attended = f.add(x, selfAttention(scope.at('self_attn'), normed, config.heads, mask));
  const wide = scope.at('mlp').linear(scope.layerNorm(attended, 'layer_norm2', epsilon), 'fc1');
  return f.add(attended, scope.at('mlp').linear(activations[config.activation](wide), 'fc2'));
}

/** Words that the table of embeddings does not have. */
export interface NewWordInputs {
  /** [count, hidden] */
  readonly vectors: Value;
  /** Which of them stands where `places` is 1. [n, tokens] int64 */
  readonly rows: Value;
  /** 1 for a new word, 0 for others. [n, tokens, 1] */
  readonly places: Value;
}

/** Embeddings of ids, with those of new words in their places. [n, tokens, hidden] */
function embedWords(table: Value, ids: Value, added: NewWordInputs | undefined): Value {
  const words = f.gather(table, ids);
  if (!added) return words;
  const { vectors, rows, places } = added;
  const kept = f.mul(words, f.shift(f.neg(places), 1));
  return f.add(kept, f.mul(f.gather(vectors, rows), places));
}

/** ids [n, tokens] int64 → hidden states. */
export function clipTextEncoder(
  root: ModelScope,
  config: ClipConfig,
  ids: Value,
  added?: NewWordInputs,
): TextStates {
  // Files written by transformers 5 and later leave the prefix out.
  const scope = root.has('text_model.final_layer_norm.weight') ? root.at('text_model') : root;
  const tokens = ids.shape[1];
  const words = embedWords(scope.weight('embeddings.token_embedding.weight'), ids, added);
  const positions = scope.weight('embeddings.position_embedding.weight');
  const used = tokens === positions.shape[0] ? positions : f.slice(positions, 0, 0, tokens);
  const states = [f.add(words, used)]; // after 0, 1, 2 … layers, each [n, tokens, hidden]
  const mask = causalMask(states[0], tokens);
  for (let i = 0; i < config.layers; i++) {
    const layer = scope.at(`encoder.layers.${i}`);
    states.push(f.inSegment(root.graph, () => encoderLayer(layer, states[i], config, mask)));
  }
  const norm = (x: Value): Value => scope.layerNorm(x, 'final_layer_norm', config.layerNormEpsilon);
  const last = norm(states[config.layers]);
  return {
    last,
    penultimate: states[config.layers - 1],
    before(layers, options) {
      if (layers === 0 && options.norm) return last;
      const state = states[config.layers - layers];
      return options.norm ? norm(state) : state;
    },
  };
}

/** The place whose state is pooled: that of the first end token. */
export function pooledPlace(ids: readonly number[], { endTokenId }: Pick<ClipConfig, 'endTokenId'>): number {
  return ids.indexOf(endTokenId === legacyEndToken ? Math.max(...ids) : endTokenId);
}

/** The pooled text embedding of SDXL: the end token's last state through the text projection. ends [n] int64 holds
 * row numbers into [n·tokens]. → [n, projection] */
export function pooledTextEmbedding(root: ModelScope, last: Value, ends: Value): Value {
  const [n, tokens, hidden] = last.shape;
  const endStates = f.gather(f.reshape(last, [n * tokens, hidden]), ends);
  return root.linear(endStates, 'text_projection');
}
