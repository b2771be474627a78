/** @file Every tensor of a UNet and its shape, from the configuration alone. */
import { layer, type Shapes } from '../shapes.ts';
import { depthAt, type UnetConfig } from './unet.ts';

function resnetBlock(shapes: Shapes, name: string, from: number, to: number, timeWidth: number): void {
  layer(shapes, `${name}.norm1`, [from]);
  layer(shapes, `${name}.conv1`, [to, from, 3, 3]);
  layer(shapes, `${name}.time_emb_proj`, [to, timeWidth]);
  layer(shapes, `${name}.norm2`, [to]);
  layer(shapes, `${name}.conv2`, [to, to, 3, 3]);
  if (from !== to) layer(shapes, `${name}.conv_shortcut`, [to, from, 1, 1]);
}

function attention(shapes: Shapes, name: string, width: number, contextWidth: number): void {
  layer(shapes, `${name}.to_q`, [width, width], false);
  layer(shapes, `${name}.to_k`, [width, contextWidth], false);
  layer(shapes, `${name}.to_v`, [width, contextWidth], false);
  layer(shapes, `${name}.to_out.0`, [width, width]);
}

function transformer(shapes: Shapes, name: string, width: number, layers: number, config: UnetConfig): void {
  if (layers === 0) return;
  const projection = config.linearProjection ? [width, width] : [width, width, 1, 1];
  layer(shapes, `${name}.norm`, [width]);
  layer(shapes, `${name}.proj_in`, projection);
  for (let i = 0; i < layers; i++) {
    const block = `${name}.transformer_blocks.${i}`;
    for (const norm of ['norm1', 'norm2', 'norm3']) layer(shapes, `${block}.${norm}`, [width]);
    attention(shapes, `${block}.attn1`, width, width);
    attention(shapes, `${block}.attn2`, width, config.contextWidth);
    layer(shapes, `${block}.ff.net.0.proj`, [8 * width, width]);
    layer(shapes, `${block}.ff.net.2`, [width, 4 * width]);
  }
  layer(shapes, `${name}.proj_out`, projection);
}

/** Names (Diffusers layout) and shapes of all weights of a UNet. */
export function unetShapes(config: UnetConfig): Shapes {
  const shapes: Shapes = new Map();
  const { channels, layersPerBlock } = config;
  const last = channels.length - 1;
  const timeWidth = 4 * channels[0];
  layer(shapes, 'conv_in', [channels[0], config.inChannels, 3, 3]);
  layer(shapes, 'time_embedding.linear_1', [timeWidth, channels[0]]);
  layer(shapes, 'time_embedding.linear_2', [timeWidth, timeWidth]);
  if (config.additionWidth !== undefined) {
    layer(shapes, 'add_embedding.linear_1', [timeWidth, config.additionWidth]);
    layer(shapes, 'add_embedding.linear_2', [timeWidth, timeWidth]);
  }
  for (const [level, width] of channels.entries()) {
    const block = `down_blocks.${level}`;
    for (let i = 0; i < layersPerBlock; i++) {
      const from = i > 0 ? width : channels[Math.max(0, level - 1)];
      resnetBlock(shapes, `${block}.resnets.${i}`, from, width, timeWidth);
      transformer(shapes, `${block}.attentions.${i}`, width, config.transformerLayers[level], config);
    }
    if (level < last) layer(shapes, `${block}.downsamplers.0.conv`, [width, width, 3, 3]);
  }
  const deepest = channels[last];
  resnetBlock(shapes, 'mid_block.resnets.0', deepest, deepest, timeWidth);
  if (config.midTransformerLayers > 0) {
    transformer(shapes, 'mid_block.attentions.0', deepest, config.midTransformerLayers, config);
    resnetBlock(shapes, 'mid_block.resnets.1', deepest, deepest, timeWidth);
  }
  for (let i = 0; i <= last; i++) {
    const level = last - i;
    const width = channels[level];
    const block = `up_blocks.${i}`;
    for (let j = 0; j <= layersPerBlock; j++) {
      const below = j > 0 ? width : channels[Math.min(last, level + 1)];
      const skip = j < layersPerBlock ? width : channels[Math.max(0, level - 1)];
      resnetBlock(shapes, `${block}.resnets.${j}`, below + skip, width, timeWidth);
      const depth = depthAt(config.upTransformerLayers[i], j);
      transformer(shapes, `${block}.attentions.${j}`, width, depth, config);
    }
    if (level > 0) layer(shapes, `${block}.upsamplers.0.conv`, [width, width, 3, 3]);
  }
  layer(shapes, 'conv_norm_out', [channels[0]]);
  layer(shapes, 'conv_out', [config.outChannels, channels[0], 3, 3]);
  return shapes;
}
