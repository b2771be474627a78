/** @file Every tensor of an autoencoder and its shape, from the configuration alone. */
import { layer, type Shapes } from '../shapes.ts';
import type { VaeConfig } from './vae.ts';

const pictureChannels = 3;

function resnetBlock(shapes: Shapes, name: string, from: number, to: number): void {
  layer(shapes, `${name}.norm1`, [from]);
  layer(shapes, `${name}.conv1`, [to, from, 3, 3]);
  layer(shapes, `${name}.norm2`, [to]);
  layer(shapes, `${name}.conv2`, [to, to, 3, 3]);
  if (from !== to) layer(shapes, `${name}.conv_shortcut`, [to, from, 1, 1]);
}

function middle(shapes: Shapes, name: string, width: number, attention: boolean): void {
  resnetBlock(shapes, `${name}.resnets.0`, width, width);
  if (attention) {
    layer(shapes, `${name}.attentions.0.group_norm`, [width]);
    for (const linear of ['to_q', 'to_k', 'to_v', 'to_out.0'])
      layer(shapes, `${name}.attentions.0.${linear}`, [width, width]);
  }
  resnetBlock(shapes, `${name}.resnets.1`, width, width);
}

function encoder(shapes: Shapes, config: VaeConfig): void {
  const { channels, layersPerBlock, latentChannels } = config;
  const last = channels.length - 1;
  layer(shapes, 'encoder.conv_in', [channels[0], pictureChannels, 3, 3]);
  for (const [level, width] of channels.entries()) {
    const block = `encoder.down_blocks.${level}`;
    for (let i = 0; i < layersPerBlock; i++)
      resnetBlock(shapes, `${block}.resnets.${i}`, i > 0 ? width : channels[Math.max(0, level - 1)], width);
    if (level < last) layer(shapes, `${block}.downsamplers.0.conv`, [width, width, 3, 3]);
  }
  middle(shapes, 'encoder.mid_block', channels[last], config.midAttention);
  layer(shapes, 'encoder.conv_norm_out', [channels[last]]);
  layer(shapes, 'encoder.conv_out', [2 * latentChannels, channels[last], 3, 3]);
}

function decoder(shapes: Shapes, config: VaeConfig): void {
  const { channels, layersPerBlock, latentChannels } = config;
  const last = channels.length - 1;
  layer(shapes, 'decoder.conv_in', [channels[last], latentChannels, 3, 3]);
  middle(shapes, 'decoder.mid_block', channels[last], config.midAttention);
  for (let i = 0; i <= last; i++) {
    const block = `decoder.up_blocks.${i}`;
    const width = channels[last - i];
    for (let j = 0; j <= layersPerBlock; j++) {
      const from = j > 0 ? width : channels[Math.min(last, last - i + 1)];
      resnetBlock(shapes, `${block}.resnets.${j}`, from, width);
    }
    if (i < last) layer(shapes, `${block}.upsamplers.0.conv`, [width, width, 3, 3]);
  }
  layer(shapes, 'decoder.conv_norm_out', [channels[0]]);
  layer(shapes, 'decoder.conv_out', [pictureChannels, channels[0], 3, 3]);
}

/** Names (Diffusers layout) and shapes of all weights of an autoencoder. */
export function vaeShapes(config: VaeConfig): Shapes {
  const shapes: Shapes = new Map();
  const { latentChannels } = config;
  encoder(shapes, config);
  decoder(shapes, config);
  if (config.quantConv) layer(shapes, 'quant_conv', [2 * latentChannels, 2 * latentChannels, 1, 1]);
  if (config.postQuantConv) layer(shapes, 'post_quant_conv', [latentChannels, latentChannels, 1, 1]);
  return shapes;
}
