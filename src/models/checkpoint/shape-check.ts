/** @file Checks tensor shapes of a checkpoint against its config before anything is built. */
import type { Shape } from '../../engine/index.ts';
import { badInput } from '../../errors.ts';
import type { WeightSource } from '../layers.ts';
import type { UnetConfig } from '../unet/unet.ts';

/** Throws CHECKPOINT_WRONG_SHAPE when a few telling tensors do not fit the config. */
export function checkUnetShapes(weights: WeightSource, config: UnetConfig, file: string): void {
  const expected: [string, Shape][] = [
    ['conv_in.weight', [config.channels[0], config.inChannels, 3, 3]],
    ['conv_out.weight', [config.outChannels, config.channels[0], 3, 3]],
    ['time_embedding.linear_1.weight', [4 * config.channels[0], config.channels[0]]],
  ];
  const level = config.transformerLayers.findIndex(layers => layers > 0);
  if (level >= 0) {
    const key = `down_blocks.${level}.attentions.0.transformer_blocks.0.attn2.to_k.weight`;
    expected.push([key, [config.channels[level], config.contextWidth]]);
  }
  for (const [name, shape] of expected) {
    const actual = weights.shape(name);
    if (actual.join() === shape.join()) continue;
    const message = `${file}: ${name} is [${actual}], its config.json wants [${shape}]`;
    throw badInput('CHECKPOINT_WRONG_SHAPE', message, 'The config belongs to another checkpoint.');
  }
}

export interface LayerInfo {
  /** Full target path, e.g. `unet.mid_block.attentions.0.proj_in`. */
  readonly target: string;
  /** Weight shape: [out, in] or [out, in, k, k]. */
  readonly shape: Shape;
}

/** Every linear and convolution layer of a part, in the file's order, without embeddings. */
export function listLayers(weights: WeightSource, part: string): LayerInfo[] {
  const layers: LayerInfo[] = [];
  for (const name of weights.names()) {
    if (!name.endsWith('.weight') || /embeddings?\.\w*embedding\./.test(name)) continue;
    const shape = weights.shape(name);
    if (shape.length === 2 || shape.length === 4) layers.push({ target: `${part}.${name.slice(0, -7)}`, shape });
  }
  return layers;
}
