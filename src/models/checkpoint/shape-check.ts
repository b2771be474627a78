/** @file Checks the tensors of a checkpoint against its config before anything is built. */
import { type DType, type Shape, sameShape } from '../../engine/index.ts';
import { badInput } from '../../errors.ts';
import type { WeightSource } from '../layers.ts';
import type { Shapes } from '../shapes.ts';
import { badConfig } from './read-config.ts';

/** Types that weights are widened from; integers would need scales that no model here has. */
const weightTypes: readonly DType[] = [
  ...(['float32', 'float16', 'bfloat16', 'float64'] as const),
  ...(['float8_e4m3', 'float8_e5m2'] as const),
];

function checkTensor(weights: WeightSource, name: string, shape: Shape, file: string): void {
  if (!weights.has(name)) {
    const message = `${file} has no tensor ${name}, which its config.json asks for`;
    const hint = 'The file is incomplete, or the config is of another checkpoint.';
    throw badInput('CHECKPOINT_MISSING_TENSOR', message, hint);
  }
  const actual = weights.shape(name);
  if (!sameShape(actual, shape)) {
    const message = `${file}: ${name} is [${actual}], its config.json wants [${shape}]`;
    throw badInput('CHECKPOINT_WRONG_SHAPE', message, 'The config belongs to another checkpoint.');
  }
  const bytes = weights.bytes(name);
  if (!('path' in bytes) || weightTypes.includes(bytes.dtype)) return;
  const message = `${file}: ${name} is ${bytes.dtype}, weights must be floats`;
  throw badInput('FORMAT_DTYPE', message, 'Quantized checkpoints are not supported.');
}

/**
 * Throws CHECKPOINT_MISSING_TENSOR, CHECKPOINT_WRONG_SHAPE or FORMAT_DTYPE for the first tensor that does not fit the
 * config, CHECKPOINT_BAD_CONFIG for one that the config knows nothing of: it would change the model if it were read.
 */
export function checkShapes(weights: WeightSource, shapes: Shapes, file: string): void {
  for (const [name, shape] of shapes) checkTensor(weights, name, shape, file);
  for (const name of weights.names()) {
    if (shapes.has(name)) continue;
    const why = `there is a tensor ${name}, which its config.json does not ask for`;
    throw badConfig(
      file,
      why,
      'The config is of another checkpoint, or the model has a part that is not supported.',
    );
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
