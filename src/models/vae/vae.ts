/** @file The autoencoder between pictures and latents (Rombach et al. 2022, §3.1; Kingma & Welling 2013). */

import type { Value } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { ModelScope } from '../layers.ts';
import { bandRows, convBand, inBands, normedRows, rowsOf } from './bands.ts';

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

/** Group norm, SiLU and a 3×3 convolution; `plus` gives rows that are added. */
function normedConv(
  scope: ModelScope,
  x: Value,
  [norm, conv]: readonly [string, string],
  groups: number,
  plus?: (top: number, bottom: number) => Value,
): Value {
  const [, , height] = x.shape;
  const rows = bandRows(x);
  const normed = normedRows(scope, x, norm, { groups, epsilon, rows });
  return inBands(height, rows, (top, bottom) => {
    const y = convBand(scope, conv, [top, bottom, height], normed);
    return plus ? f.add(plus(top, bottom), y) : y;
  });
}

function resnetBlock(scope: ModelScope, x: Value, groups: number): Value {
  const h = normedConv(scope, x, ['norm1', 'conv1'], groups);
  const shortcut = scope.has('conv_shortcut.weight');
  return normedConv(scope, h, ['norm2', 'conv2'], groups, (top, bottom) => {
    const rows = rowsOf(x, top, bottom);
    return shortcut ? scope.conv2d(rows, 'conv_shortcut') : rows;
  });
}

/** Doubles the picture (nearest pixel), then a 3×3 convolution. */
function upsample(scope: ModelScope, x: Value): Value {
  const height = 2 * x.shape[2];
  const rows = 2 * bandRows(x);
  // An odd first or last row is one of two that the same row of x gives.
  const doubled = (top: number, bottom: number): Value => {
    const first = Math.floor(top / 2);
    const large = f.upsampleNearest2(rowsOf(x, first, Math.ceil(bottom / 2)));
    return rowsOf(large, top - 2 * first, bottom - 2 * first);
  };
  return inBands(height, rows, (top, bottom) =>
    convBand(scope, 'upsamplers.0.conv', [top, bottom, height], doubled),
  );
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
  h = normedConv(encoder, h, ['conv_norm_out', 'conv_out'], config.normGroups);
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
    if (i < last) h = upsample(block, h);
  }
  return normedConv(decoder, h, ['conv_norm_out', 'conv_out'], config.normGroups);
}
