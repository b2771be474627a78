/** @file Weights of one part inside a single-file checkpoint: our names, the file's bytes. */
import { resolve } from 'node:path';
import type { Shape, WeightPlace } from '../../../engine/index.ts';
import { badInput } from '../../../errors.ts';
import { readTensor, type SafetensorsFile, type TensorEntry } from '../../../files/index.ts';
import type { WeightSource } from '../../layers.ts';
import type { Shapes } from '../../shapes.ts';
import type { Stored } from './clip-names.ts';

/** [rows, columns] → [columns, rows] */
export function transposed(data: Float32Array, [rows, columns]: Shape): Float32Array {
  const out = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j];
  return out;
}

/** A 1×1 convolution and a linear layer are the same bytes: files of one model may have either. */
function alike(shape: Shape, wanted: Shape): Shape {
  const isPoint = (a: Shape): boolean => a.length === 4 && a[2] === 1 && a[3] === 1;
  if (isPoint(shape) && wanted.length === 2) return shape.slice(0, 2);
  return shape.length === 2 && isPoint(wanted) ? [...shape, 1, 1] : shape;
}

/** The part of a file's tensor that one of ours is, as if the file had it by itself. */
function viewOf(entry: TensorEntry, name: string, { third }: Stored, wanted: Shape): TensorEntry {
  if (third === undefined) return { ...entry, name, shape: alike(entry.shape, wanted) };
  const length = entry.length / 3;
  const shape = [entry.shape[0] / 3, ...entry.shape.slice(1)];
  return { ...entry, name, shape, length, offset: entry.offset + third * length };
}

export interface StoredPart extends WeightSource {
  readonly files: readonly string[];
  /** Tensors of the file that the part is made of. */
  readonly used: ReadonlySet<string>;
  /** What the file calls a tensor of ours. */
  nameInFile(name: string): string;
}

/**
 * The tensors that `shapes` asks for, found in `file` under the names that `nameOf` gives. What the file lacks is
 * absent; whether that matters is for the caller. Bytes are read in place, but for a turned matrix.
 */
export function storedWeights(
  file: SafetensorsFile,
  shapes: Shapes,
  nameOf: (name: string) => Stored,
): StoredPart {
  const views = new Map<string, TensorEntry>();
  const turned = new Map<string, Float32Array | undefined>();
  const used = new Set<string>();
  for (const [name, wanted] of shapes) {
    const stored = nameOf(name);
    const entry = file.tensors.get(stored.name);
    if (!entry) continue;
    used.add(stored.name);
    views.set(name, viewOf(entry, name, stored, wanted));
    if (stored.turned) turned.set(name, undefined);
  }
  const renamed: SafetensorsFile = { ...file, tensors: views };
  const find = (name: string): TensorEntry => {
    const hit = views.get(name);
    if (hit) return hit;
    throw badInput('CHECKPOINT_MISSING_TENSOR', `${file.path} has no tensor ${nameOf(name).name}`);
  };
  const read = (name: string): Float32Array => {
    const { data, shape } = readTensor(renamed, find(name).name);
    return turned.has(name) ? transposed(data, shape) : data;
  };
  const bytes = (name: string): WeightPlace => {
    const { dtype, offset, length } = find(name);
    if (!turned.has(name)) return { path: resolve(file.path), dtype, offset, length };
    const data = turned.get(name) ?? read(name);
    turned.set(name, data);
    return data;
  };
  return {
    files: [file.path],
    used,
    nameInFile: name => nameOf(name).name,
    has: name => views.has(name),
    names: () => views.keys(),
    shape: name => (turned.has(name) ? [...find(name).shape].reverse() : find(name).shape),
    read,
    bytes,
    dtype: name => find(name).dtype,
    inFile: nameOf,
  };
}
