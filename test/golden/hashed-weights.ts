/** @file The same weights as tools/goldens/hashed_weights.py: a pure function of name and index. */
import type { Shape } from '../../src/engine/index.ts';
import { elementCount } from '../../src/engine/index.ts';
import type { WeightSource } from '../../src/models/index.ts';

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function uniformAt(seed: number, index: number): number {
  let x = (Math.imul(index, 0x9e3779b1) + seed) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32 - 0.5;
}

/** `count` numbers in [-0.5, 0.5). */
export function uniformOf(name: string, count: number): Float64Array {
  const seed = fnv1a(name);
  return Float64Array.from({ length: count }, (_, i) => uniformAt(seed, i));
}

export function hashed(name: string, shape: Shape): Float32Array {
  const seed = fnv1a(name);
  const out = new Float32Array(elementCount(shape));
  const fanIn = elementCount(shape.slice(1));
  const factor = ((2 / Math.sqrt(fanIn)) * Math.sqrt(3)) / Math.sqrt(2);
  for (let i = 0; i < out.length; i++) {
    const u = uniformAt(seed, i);
    out[i] = shape.length >= 2 ? u * factor : name.endsWith('weight') ? 1 + 0.2 * u : 0.1 * u;
  }
  return out;
}

/** Our name of A or B → PEFT's, by which the goldens hash it: `unet.….down` → `….lora_A.default.weight`. */
export function peftName(name: string): string {
  const [, path, side] = /^unet\.(.*)\.(down|up)$/.exec(name) as RegExpExecArray;
  return `${path}.lora_${side === 'down' ? 'A' : 'B'}.default.weight`;
}

/** A test input: uniform with unit variance. */
export function given(name: string, shape: Shape): { shape: Shape; data: Float32Array } {
  const seed = fnv1a(name);
  const data = new Float32Array(elementCount(shape));
  for (let i = 0; i < data.length; i++) data[i] = uniformAt(seed, i) * Math.sqrt(12);
  return { shape, data };
}

/** A checkpoint part whose weights are made on demand; shapes are told by `shapes`. */
export function hashedSource(shapes: ReadonlyMap<string, Shape>): WeightSource {
  const cache = new Map<string, Float32Array>();
  const shapeOf = (name: string): Shape => {
    const shape = shapes.get(name);
    if (!shape) throw new Error(`no weight ${name}`);
    return shape;
  };
  const read = (name: string): Float32Array => {
    if (!cache.has(name)) cache.set(name, hashed(name, shapeOf(name)));
    return cache.get(name) as Float32Array;
  };
  return {
    has: name => shapes.has(name),
    names: () => shapes.keys(),
    shape: shapeOf,
    bytes: read,
    read,
  };
}

export interface Digest {
  readonly shape: number[];
  readonly step: number;
  readonly samples: number[];
  readonly norm: number;
}

/** Relative error of evenly spread samples, and of the norm, whichever is larger. */
export function relativeError(actual: { data: Float32Array }, expected: Digest): number {
  let difference = 0;
  let size = 0;
  let norm = 0;
  for (const x of actual.data) norm += x * x;
  for (const [i, y] of expected.samples.entries()) {
    difference += (actual.data[i * expected.step] - y) ** 2;
    size += y * y;
  }
  const normError = Math.abs(Math.sqrt(norm) - expected.norm) / expected.norm;
  return Math.max(Math.sqrt(difference / Math.max(size, 1e-30)), normError);
}
