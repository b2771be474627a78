/** @file Checks the tensors of a checkpoint against its config before anything is built. */
import { type DType, type Shape, sameShape } from '../../engine/index.ts';
import { badInput, type LoraError } from '../../errors.ts';
import type { WeightSource } from '../layers.ts';
import type { Shapes } from '../shapes.ts';
import { badConfig } from './read-config.ts';

/** Types that weights are widened from; integers would need scales that no model here has. */
const weightTypes: readonly DType[] = [
  ...(['float32', 'float16', 'bfloat16', 'float64'] as const),
  ...(['float8_e4m3', 'float8_e5m2'] as const),
];

const mostListed = 10;

/** Up to ten names, then how many more there are. */
export function listSome(names: readonly string[]): string {
  const more = names.length - mostListed;
  return names.slice(0, mostListed).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** How errors speak of a file. */
export interface ShapeReport {
  readonly file: string;
  /** What asks for the tensors: `its config.json`. */
  readonly asker?: string;
  readonly hint?: string;
  /** What the file calls a tensor. */
  readonly nameOf?: (name: string) => string;
}

interface Reporter {
  missing(names: readonly string[]): LoraError;
  different(name: string, actual: Shape, wanted: Shape): LoraError;
  others(names: readonly string[]): LoraError;
}

function reporter({ file, asker = 'its config.json', hint, nameOf = name => name }: ShapeReport): Reporter {
  return {
    missing: names => {
      const count = names.length === 1 ? 'no tensor' : `not the ${names.length} tensors`;
      const message = `${file} has ${count} ${listSome(names.map(nameOf))}, which ${asker} asks for`;
      const why = hint ?? 'The file is incomplete, or the config is of another checkpoint.';
      return badInput('CHECKPOINT_MISSING_TENSOR', message, why);
    },
    different: (name, actual, wanted) => {
      const message = `${file}: ${nameOf(name)} is [${actual}], ${asker} wants [${wanted}]`;
      const why = hint ?? 'The config belongs to another checkpoint.';
      return badInput('CHECKPOINT_WRONG_SHAPE', message, why);
    },
    others: names => {
      const what = names.length === 1 ? 'is a tensor' : `are ${names.length} tensors:`;
      const why = `there ${what} ${listSome(names.map(nameOf))}, which ${asker} does not ask for`;
      const advice = 'The config is of another checkpoint, or the model has a part that is not supported.';
      return badConfig(file, why, hint ?? advice);
    },
  };
}

/** The type that a weight has in its file; undefined for one in memory. */
export function storedType(weights: WeightSource, name: string): DType | undefined {
  if (weights.dtype) return weights.dtype(name);
  const place = weights.bytes(name);
  return 'path' in place ? place.dtype : undefined;
}

/** Throws FORMAT_DTYPE for weights that are no floats. */
export function checkTypes(weights: WeightSource, { file, nameOf = name => name }: ShapeReport): void {
  for (const name of weights.names()) {
    const dtype = storedType(weights, name);
    if (dtype === undefined || weightTypes.includes(dtype)) continue;
    const message = `${file}: ${nameOf(name)} is ${dtype}, weights must be floats`;
    throw badInput('FORMAT_DTYPE', message, 'Quantized checkpoints are not supported.');
  }
}

/**
 * Throws CHECKPOINT_MISSING_TENSOR, CHECKPOINT_WRONG_SHAPE or FORMAT_DTYPE for tensors that do not fit the config,
 * CHECKPOINT_BAD_CONFIG for those that the config knows nothing of: they would change the model if they were read.
 */
export function checkShapes(weights: WeightSource, shapes: Shapes, report: ShapeReport): void {
  const error = reporter(report);
  const missing = [...shapes.keys()].filter(name => !weights.has(name));
  if (missing.length > 0) throw error.missing(missing);
  for (const [name, shape] of shapes) {
    const actual = weights.shape(name);
    if (!sameShape(actual, shape)) throw error.different(name, actual, shape);
  }
  checkTypes(weights, report);
  const others = [...weights.names()].filter(name => !shapes.has(name));
  if (others.length > 0) throw error.others(others);
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
