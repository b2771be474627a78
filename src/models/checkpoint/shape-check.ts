/** @file Checks the tensors of a checkpoint against its config before anything is built. */
import { type Shape, sameShape } from '../../engine/index.ts';
import { badInput } from '../../errors.ts';
import type { WeightSource } from '../layers.ts';
import { unetShapes } from '../unet/shapes.ts';
import type { UnetConfig } from '../unet/unet.ts';

/** Throws CHECKPOINT_MISSING_TENSOR or CHECKPOINT_WRONG_SHAPE for the first tensor that does not fit the config. */
export function checkUnetShapes(weights: WeightSource, config: UnetConfig, file: string): void {
  for (const [name, shape] of unetShapes(config)) {
    if (!weights.has(name)) {
      const message = `${file} has no tensor ${name}, which its config.json asks for`;
      throw badInput(
        'CHECKPOINT_MISSING_TENSOR',
        message,
        'The file is incomplete, or the config is of another checkpoint.',
      );
    }
    const actual = weights.shape(name);
    if (sameShape(actual, shape)) continue;
    const message = `${file}: ${name} is [${actual}], its config.json wants [${shape}]`;
    throw badInput('CHECKPOINT_WRONG_SHAPE', message, 'The config belongs to another checkpoint.');
  }
}

/** Throws CHECKPOINT_NOT_FINITE for a weight that holds NaN or infinity. Reads every byte: for small parts. */
export function checkFinite(weights: WeightSource, file: string): void {
  for (const name of weights.names()) {
    const data = weights.read(name);
    for (let i = 0; i < data.length; i++) {
      if (Number.isFinite(data[i])) continue;
      const message = `${file}: ${name} holds ${data[i]} at ${i}`;
      throw badInput('CHECKPOINT_NOT_FINITE', message, 'The checkpoint is damaged; fetch it again.');
    }
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
    if (shape.length === 2 || shape.length === 4)
      layers.push({ target: `${part}.${name.slice(0, -7)}`, shape });
  }
  return layers;
}
