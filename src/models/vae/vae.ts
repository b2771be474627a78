/** @file The autoencoder between pictures and latents (Rombach et al. 2022, §3.1; Kingma & Welling 2013). */

import type { Value } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { ModelScope } from '../layers.ts';

export interface VaeConfig {
  readonly latentChannels: number;
  /** Channels of each resolution, finest first. */
  readonly channels: readonly number[];
  readonly layersPerBlock: number;
  readonly normGroups: number;
  readonly midAttention: boolean;
  /** A 1×1 convolution after the encoder, and one before the decoder. */
  readonly quantConv: boolean;
  readonly postQuantConv: boolean;
  /** Latents are multiplied by this after encoding and divided before decoding. */
  readonly scalingFactor: number;
}

const epsilon = 1e-6;

function resnetBlock(scope: ModelScope, x: Value, groups: number): Value {
  let h = scope.conv2d(f.silu(scope.groupNorm(x, 'norm1', groups, epsilon)), 'conv1');
  h = scope.conv2d(f.silu(scope.groupNorm(h, 'norm2', groups, epsilon)), 'conv2');
  return f.add(scope.has('conv_shortcut.weight') ? scope.conv2d(x, 'conv_shortcut') : x, h);
}

/** Single-head attention over all pixels. */
function pixelAttention(scope: ModelScope, x: Value, groups: number): Value {
  const [n, channels, height, width] = x.shape;
  const normed = scope.groupNorm(x, 'group_norm', groups, epsilon);
  const pixels = f.transpose(f.reshape(normed, [n, channels, height * width]), [0, 2, 1]);
  const [q, k, v] = ['to_q', 'to_k', 'to_v'].map(name => scope.linear(pixels, name));
  const mixed = scope.linear(f.attention(q, k, v, 1), 'to_out.0');
  return f.add(f.reshape(f.transpose(mixed, [0, 2, 1]), x.shape), x);
}

function middle(scope: ModelScope, x: Value, config: VaeConfig): Value {
  let h = resnetBlock(scope.at('resnets.0'), x, config.normGroups);
  if (config.midAttention) h = pixelAttention(scope.at('attentions.0'), h, config.normGroups);
  return resnetBlock(scope.at('resnets.1'), h, config.normGroups);
}

/** Pictures [n, 3, h, w] in −1 … 1 → mean and log-variance of the latents, unscaled. Each [n, c, h/f, w/f] */
export function vaeEncoder(
  scope: ModelScope,
  config: VaeConfig,
  pictures: Value,
): { mean: Value; logVariance: Value } {
  const encoder = scope.at('encoder');
  const last = config.channels.length - 1;
  let h = encoder.conv2d(pictures, 'conv_in');
  for (let level = 0; level <= last; level++) {
    const block = encoder.at(`down_blocks.${level}`);
    for (let i = 0; i < config.layersPerBlock; i++)
      h = resnetBlock(block.at(`resnets.${i}`), h, config.normGroups);
    if (level < last) h = block.conv2d(h, 'downsamplers.0.conv', { stride: 2, pads: [0, 0, 1, 1] });
  }
  h = middle(encoder.at('mid_block'), h, config);
  h = encoder.conv2d(f.silu(encoder.groupNorm(h, 'conv_norm_out', config.normGroups, epsilon)), 'conv_out');
  const moments = config.quantConv ? scope.conv2d(h, 'quant_conv') : h;
  const channels = config.latentChannels;
  return { mean: f.slice(moments, 1, 0, channels), logVariance: f.slice(moments, 1, channels, 2 * channels) };
}

/** Unscaled latents [n, c, h, w] → pictures [n, 3, f·h, f·w], about −1 … 1 */
export function vaeDecoder(scope: ModelScope, config: VaeConfig, latents: Value): Value {
  const decoder = scope.at('decoder');
  const last = config.channels.length - 1;
  let h = config.postQuantConv ? scope.conv2d(latents, 'post_quant_conv') : latents;
  h = middle(decoder.at('mid_block'), decoder.conv2d(h, 'conv_in'), config);
  for (let i = 0; i <= last; i++) {
    const block = decoder.at(`up_blocks.${i}`);
    for (let j = 0; j <= config.layersPerBlock; j++)
      h = resnetBlock(block.at(`resnets.${j}`), h, config.normGroups);
    if (i < last) h = block.conv2d(f.upsampleNearest2(h), 'upsamplers.0.conv');
  }
  h = decoder.groupNorm(h, 'conv_norm_out', config.normGroups, epsilon);
  return decoder.conv2d(f.silu(h), 'conv_out');
}
