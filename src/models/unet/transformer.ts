/** @file The transformer inside the UNet: self-attention, attention to the text, gated feed-forward. */

import type { Value } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { ModelScope } from '../layers.ts';

export interface TransformerOptions {
  readonly heads: number;
  readonly layers: number;
  readonly normGroups: number;
}

/** x [n·t, c] attends to context [n·s, width], n pictures each → [n·t, c] */
function attend(scope: ModelScope, x: Value, context: Value, n: number, heads: number): Value {
  const perPicture = (rows: Value): Value => f.reshape(rows, [n, rows.shape[0] / n, rows.shape[1]]);
  const [q, k, v] = [scope.linear(x, 'to_q'), scope.linear(context, 'to_k'), scope.linear(context, 'to_v')];
  const mixed = f.attention(perPicture(q), perPicture(k), perPicture(v), heads);
  return scope.linear(f.reshape(mixed, q.shape), 'to_out.0');
}

/** Gated feed-forward (Shazeer 2020, "GLU Variants Improve Transformer"). */
function feedForward(scope: ModelScope, x: Value): Value {
  const both = scope.linear(x, 'net.0.proj'); // [n·tokens, 2·inner]
  const inner = both.shape[1] / 2;
  const [value, gate] = [f.slice(both, 1, 0, inner), f.gelu(f.slice(both, 1, inner, 2 * inner))];
  const gated = f.recomputable(f.mul(value, gate), () => f.mul(f.again(gate), value));
  return scope.linear(gated, 'net.2');
}

/** x [n, c, h, w] with text states [n, tokens, width] → [n, c, h, w] */
export function spatialTransformer(
  scope: ModelScope,
  x: Value,
  context: Value,
  options: TransformerOptions,
): Value {
  return f.inSegment(scope.graph, () => {
    const [n, channels, height, width] = x.shape;
    const normed = scope.groupNorm(x, 'norm', options.normGroups, 1e-6);
    const pixels = f.transpose(f.reshape(normed, [n, channels, height * width]), [0, 2, 1]);
    // One row a token: layers see matrices, so that nothing is reshaped between them.
    let h = scope.linear(f.reshape(pixels, [n * height * width, channels]), 'proj_in');
    const words = f.reshape(context, [n * context.shape[1], context.shape[2]]);
    for (let i = 0; i < options.layers; i++) {
      const block = scope.at(`transformer_blocks.${i}`);
      const normed1 = block.layerNorm(h, 'norm1');
      h = f.add(h, attend(block.at('attn1'), normed1, normed1, n, options.heads));
      h = f.add(h, attend(block.at('attn2'), block.layerNorm(h, 'norm2'), words, n, options.heads));
      h = f.add(h, feedForward(block.at('ff'), block.layerNorm(h, 'norm3')));
    }
    const projected = f.reshape(scope.linear(h, 'proj_out'), [n, height * width, channels]);
    return f.add(f.reshape(f.transpose(projected, [0, 2, 1]), x.shape), x);
  });
}
