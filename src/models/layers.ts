/**
 * @file How model code reaches its weights: a `ModelScope` is a place in a checkpoint's name tree. Models are written
 * once over these few methods; what a layer is called is the only thing they know about files.
 */

import type { DType, Graph, Shape, Value, WeightPlace } from '../engine/index.ts';
import * as f from '../engine/index.ts';

/** Where weights come from. Names are those of the Diffusers layout, relative to one part (UNet, VAE, …). */
export interface WeightSource {
  has(name: string): boolean;
  /** Throws CHECKPOINT_MISSING_TENSOR when absent. */
  shape(name: string): Shape;
  /** Where the runtime finds the weight. */
  bytes(name: string): WeightPlace;
  /** The type it is stored as, where that cannot be told from `bytes` without reading it. */
  dtype?(name: string): DType;
  /** The weight itself, widened to float32. */
  read(name: string): Float32Array;
  names(): Iterable<string>;
  /** Where its file has it, for weights in files. */
  inFile?(name: string): Stored;
}

/** Where the numbers of one of our tensors lie: a tensor of the file, or rows of one, or one that must be turned. */
export interface Stored {
  readonly name: string;
  /** Which third of the rows: OpenCLIP keeps q, k and v in one matrix. */
  readonly third?: 0 | 1 | 2;
  /** The file has the transposed matrix. */
  readonly turned?: boolean;
}

/** How many numbers a part holds. */
export function parameterCount(weights: Pick<WeightSource, 'names' | 'shape'>): number {
  let count = 0;
  for (const name of weights.names()) count += f.elementCount(weights.shape(name));
  return count;
}

/**
 * Side branches on layers. A hook may return something to add to a layer's output, or another value for one of its
 * parameters; `target` is the layer's full path. The models know nothing of what is attached.
 */
export interface LayerHooks {
  /** x [… , in] → [… , out] */
  linear?(target: string, x: Value): Value | undefined;
  /** Another weight [out, in] for a linear layer that reads x, where that is cheaper than a branch beside it. */
  linearWeight?(target: string, x: Value, weight: Value): Value | undefined;
  /** x [n, in, h, w] → [n, out, h', w'] */
  conv2d?(target: string, x: Value, options: ConvOptions): Value | undefined;
  /**
   * What stands in for a weight or bias: `name` is its full path (`unet.conv_in.weight`), `base` gives the one of the
   * checkpoint where it has one (layers of attention have no bias).
   */
  parameter?(name: string, shape: Shape, base: (() => Value) | undefined): Value | undefined;
}

export interface ConvOptions {
  readonly stride: number;
  /** top, left, bottom, right */
  readonly pads: readonly [number, number, number, number];
}

export interface ModelScope {
  readonly graph: Graph;
  readonly path: string;
  /** The scope of a child module. */
  at(name: string): ModelScope;
  has(name: string): boolean;
  weight(name: string): Value;
  linear(x: Value, name: string): Value;
  conv2d(x: Value, name: string, options?: Partial<ConvOptions>): Value;
  groupNorm(x: Value, name: string, groups: number, epsilon: number): Value;
  layerNorm(x: Value, name: string, epsilon?: number): Value;
}

/** Opens the root scope of one part; `part` prefixes the targets that hooks see (`unet`, `text_encoder`). */
export function openScope(
  graph: Graph,
  source: WeightSource,
  part: string,
  hooks: LayerHooks = {},
): ModelScope {
  const scopeAt = (path: string): ModelScope => {
    const full = (name: string): string => (path ? `${path}.${name}` : name);
    const weight = (name: string, shape?: Shape): Value => {
      const key = full(name);
      const wanted = shape ?? source.shape(key);
      const base = (): Value => f.weight(graph, `${part}.${key}`, wanted, source.bytes(key));
      return hooks.parameter?.(`${part}.${key}`, wanted, base) ?? base();
    };
    /** A bias, which a hook may add to a layer that has none. */
    const bias = (name: string, channels: number): Value | undefined =>
      source.has(full(name))
        ? weight(name)
        : hooks.parameter?.(`${part}.${full(name)}`, [channels], undefined);
    const plus = (y: Value, branch: Value | undefined): Value => (branch ? f.add(y, branch) : y);
    return {
      graph,
      path,
      at: name => scopeAt(full(name)),
      has: name => source.has(full(name)),
      weight,
      linear: (x, name) =>
        f.inScope(graph, full(name), () => {
          // A 1×1 convolution over tokens is a linear layer with the same bytes.
          const [outFeatures, inFeatures] = source.shape(full(`${name}.weight`));
          const target = `${part}.${full(name)}`;
          const own = weight(`${name}.weight`, [outFeatures, inFeatures]);
          const matrix = hooks.linearWeight?.(target, x, own) ?? own;
          const y = f.linear(x, matrix, bias(`${name}.bias`, outFeatures));
          return plus(y, hooks.linear?.(target, x));
        }),
      conv2d: (x, name, options = {}) =>
        f.inScope(graph, full(name), () => {
          const kernel = weight(`${name}.weight`);
          const side = (kernel.shape[2] - 1) / 2;
          const { stride = 1, pads = [side, side, side, side] } = options;
          const y = f.conv2d(x, kernel, bias(`${name}.bias`, kernel.shape[0]), { stride, pads });
          return plus(y, hooks.conv2d?.(`${part}.${full(name)}`, x, { stride, pads }));
        }),
      groupNorm: (x, name, groups, epsilon) =>
        f.inScope(graph, full(name), () =>
          f.groupNorm(x, groups, weight(`${name}.weight`), weight(`${name}.bias`), epsilon),
        ),
      layerNorm: (x, name, epsilon = 1e-5) =>
        f.inScope(graph, full(name), () =>
          f.layerNorm(x, weight(`${name}.weight`), weight(`${name}.bias`), epsilon),
        ),
    };
  };
  return scopeAt('');
}
