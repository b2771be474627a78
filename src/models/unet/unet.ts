/**
 * @file The denoising UNet of Stable Diffusion (Rombach et al. 2022), written once for SD 1.x, 2.x and SDXL; they
 * differ in `UnetConfig` only. Layer names are those of the Diffusers layout.
 */

import type { Value } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { ModelScope } from '../layers.ts';
import { spatialTransformer } from './transformer.ts';

export interface UnetConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Channels of each resolution, finest first. */
  readonly channels: readonly number[];
  /** Transformer layers at each resolution; 0 = no attention there. */
  readonly transformerLayers: readonly number[];
  /** The same for the up path: that of the down path reversed, or (SSD-1B) one number for each residual block. */
  readonly upTransformerLayers: readonly (number | readonly number[])[];
  /** 0 = the middle is a single residual block (SSD-1B, Segmind Vega). */
  readonly midTransformerLayers: number;
  readonly heads: readonly number[];
  readonly layersPerBlock: number;
  readonly contextWidth: number;
  readonly normGroups: number;
  readonly normEpsilon: number;
  readonly flipSinToCos: boolean;
  readonly frequencyShift: number;
  /** SDXL: size and crop numbers are embedded with this width each; undefined elsewhere. */
  readonly additionTimeWidth: number | undefined;
  /** SDXL: width of pooled text and embedded numbers together. */
  readonly additionWidth: number | undefined;
  /** proj_in and proj_out are linear layers (SD 2.x, SDXL) rather than 1×1 convolutions. */
  readonly linearProjection: boolean;
}

export interface UnetInputs {
  /** [n, in, h, w] */
  readonly sample: Value;
  /** [n], in 0 … 999, may be fractional */
  readonly timesteps: Value;
  /** Text states [n, tokens, contextWidth] */
  readonly context: Value;
  /** SDXL only: pooled text [n, 1280] and the six size numbers [n, 6]. */
  readonly added?: { readonly pooled: Value; readonly sizes: Value };
}

/** SDXL: width of the pooled text that is read beside six embedded numbers; undefined elsewhere. */
export function pooledWidthOf({
  additionTimeWidth,
  additionWidth,
}: Pick<UnetConfig, 'additionTimeWidth' | 'additionWidth'>): number | undefined {
  if (additionTimeWidth === undefined || additionWidth === undefined) return undefined;
  return additionWidth - 6 * additionTimeWidth;
}

/** Transformer layers after one residual block of a level. */
export const depthAt = (depths: number | readonly number[], block: number): number =>
  typeof depths === 'number' ? depths : depths[block];

/** Sinusoidal embedding (Vaswani et al. 2017, §3.5). t [n] → [n, width] */
export function timestepEmbedding(
  t: Value,
  width: number,
  config: Pick<UnetConfig, 'flipSinToCos' | 'frequencyShift'>,
): Value {
  const half = width / 2;
  const exponents = Array.from(
    { length: half },
    (_, i) => -Math.log(10000) * (i / (half - config.frequencyShift)),
  );
  const frequencies = f.floats(t, [1, half], exponents.map(Math.exp));
  const angles = f.mul(f.reshape(t, [t.shape[0], 1]), frequencies);
  const [sine, cosine] = [f.sin(angles), f.cos(angles)];
  return f.concat(config.flipSinToCos ? [cosine, sine] : [sine, cosine], 1);
}

function conditionEmbedding(scope: ModelScope, config: UnetConfig, inputs: UnetInputs): Value {
  const twoLayers = (x: Value, name: string): Value =>
    scope.at(name).linear(f.silu(scope.at(name).linear(x, 'linear_1')), 'linear_2');
  const time = twoLayers(timestepEmbedding(inputs.timesteps, config.channels[0], config), 'time_embedding');
  if (config.additionTimeWidth === undefined) return time;
  if (!inputs.added) throw new Error('this UNet needs pooled text and size numbers');
  const { pooled, sizes } = inputs.added;
  const [n, count] = sizes.shape;
  const flat = timestepEmbedding(f.reshape(sizes, [n * count]), config.additionTimeWidth, config);
  const numbers = f.reshape(flat, [n, count * config.additionTimeWidth]);
  return f.add(time, twoLayers(f.concat([pooled, numbers], 1), 'add_embedding'));
}

/** Residual block (He et al. 2016) with the time embedding added between its two convolutions. */
function resnetBlock(scope: ModelScope, x: Value, activatedTime: Value, config: UnetConfig): Value {
  return f.inSegment(scope.graph, () => {
    const { normGroups, normEpsilon } = config;
    let h = f.silu(scope.groupNorm(x, 'norm1', normGroups, normEpsilon));
    h = scope.conv2d(h, 'conv1');
    const shift = scope.linear(activatedTime, 'time_emb_proj'); // [n, c]
    h = f.add(h, f.reshape(shift, [...shift.shape, 1, 1]));
    h = f.silu(scope.groupNorm(h, 'norm2', normGroups, normEpsilon));
    h = scope.conv2d(h, 'conv2');
    return f.add(scope.has('conv_shortcut.weight') ? scope.conv2d(x, 'conv_shortcut') : x, h);
  });
}

/** Predicts noise or velocity from a noisy latent. → [n, out, h, w] */
export function unet(scope: ModelScope, config: UnetConfig, inputs: UnetInputs): Value {
  const { channels, layersPerBlock, normGroups, normEpsilon } = config;
  const { context, sample } = inputs;
  const last = channels.length - 1;
  const time = f.silu(conditionEmbedding(scope, config, inputs));
  const transform = (at: ModelScope, x: Value, level: number, layers: number): Value =>
    layers === 0 ? x : spatialTransformer(at, x, context, { heads: config.heads[level], layers, normGroups });

  let h = scope.conv2d(sample, 'conv_in');
  const skips = [h];
  for (let level = 0; level <= last; level++) {
    const block = scope.at(`down_blocks.${level}`);
    for (let i = 0; i < layersPerBlock; i++) {
      h = resnetBlock(block.at(`resnets.${i}`), h, time, config);
      h = transform(block.at(`attentions.${i}`), h, level, config.transformerLayers[level]);
      skips.push(h);
    }
    if (level === last) continue;
    h = block.conv2d(h, 'downsamplers.0.conv', { stride: 2 });
    skips.push(h);
  }

  const middle = scope.at('mid_block');
  h = resnetBlock(middle.at('resnets.0'), h, time, config);
  if (config.midTransformerLayers > 0) {
    h = transform(middle.at('attentions.0'), h, last, config.midTransformerLayers);
    h = resnetBlock(middle.at('resnets.1'), h, time, config);
  }

  for (let i = 0; i <= last; i++) {
    const block = scope.at(`up_blocks.${i}`);
    const level = last - i;
    for (let j = 0; j <= layersPerBlock; j++) {
      h = f.concat([h, skips.pop() as Value], 1);
      h = resnetBlock(block.at(`resnets.${j}`), h, time, config);
      h = transform(block.at(`attentions.${j}`), h, level, depthAt(config.upTransformerLayers[i], j));
    }
    if (level === 0) continue;
    h = upsampleTo(h, skips.at(-1) as Value);
    h = block.conv2d(h, 'upsamplers.0.conv');
  }

  h = f.silu(scope.groupNorm(h, 'conv_norm_out', normGroups, normEpsilon));
  return scope.conv2d(h, 'conv_out');
}

/** Doubles the picture; where the finer level had an odd side, the surplus row or column is cut. */
function upsampleTo(x: Value, like: Value): Value {
  const doubled = f.upsampleNearest2(x);
  return f.slice(f.slice(doubled, 2, 0, like.shape[2]), 3, 0, like.shape[3]);
}
