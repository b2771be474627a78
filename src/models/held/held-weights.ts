/** @file How the frozen weights of a part are held while it runs: as they lie in their file, or in memory in another form. */
import {
  bytesPerElement,
  elementCount,
  type HeldForm,
  type HeldNumbers,
  type HeldWeight,
  narrowToHalf,
  type Shape,
  type WeightPlace,
} from '../../engine/index.ts';
import type { WeightSource } from '../layers.ts';

/** Vectors and small matrices stay float32: they weigh nothing, and norms and biases suffer most from rounding. */
const smallestNarrow = 2 ** 14;

/**
 * Rows as int8 with one float32 scale each, so that the largest magnitude of a row is 127 (absmax; Dettmers et al. 2022,
 * "LLM.int8()", §2.1). weight [out, …]
 */
export function quantizeRows(
  weight: Float32Array,
  rows: number,
): { values: Int8Array; scales: Float32Array } {
  const values = new Int8Array(weight.length);
  const scales = new Float32Array(rows);
  const width = weight.length / rows;
  for (let row = 0; row < rows; row++) {
    const start = row * width;
    let largest = 0;
    for (let i = start; i < start + width; i++) largest = Math.max(largest, Math.abs(weight[i]));
    scales[row] = largest / 127;
    if (largest === 0) continue;
    const steps = 127 / largest;
    for (let i = start; i < start + width; i++) {
      const x = weight[i] * steps;
      values[i] = x < 0 ? x - 0.5 : x + 0.5; // rounded, because the array cuts fractions off
    }
  }
  return { values, scales };
}

function numbersOf(weight: Float32Array, form: HeldForm, rows: number): HeldNumbers {
  switch (form) {
    case 'float16':
      return { values: narrowToHalf(weight) };
    case 'int8':
      return quantizeRows(weight, rows);
  }
}

/** Tables that a text takes a few rows of stay in their file, which costs no memory. */
const isTable = (name: string): boolean => name.endsWith('embedding.weight');

/** The form that a weight takes; undefined when it stays where it is. */
function formOf(source: WeightSource, name: string, shape: Shape, wanted: HeldForm): HeldForm | undefined {
  const place = source.bytes(name);
  if (!('path' in place) || isTable(name)) return undefined;
  const isLarge = shape.length > 1 && elementCount(shape) >= smallestNarrow;
  if (!isLarge || (wanted === 'float16' && bytesPerElement[place.dtype] <= bytesPerElement.float16))
    return undefined;
  return wanted;
}

/**
 * The same weights, held in memory as `form`, which takes half or a quarter of the memory of float32 and is rounded.
 * What is half precision already is read in place rather than held as float16. Merged weights stay as they are.
 */
export function holdWeights(source: WeightSource, form: HeldForm): WeightSource {
  const held = new Map<string, HeldWeight>();
  const hold = (name: string, shape: Shape, own: HeldForm): HeldWeight => {
    let numbers: HeldNumbers | undefined;
    const scales = own === 'int8' ? 4 * shape[0] : 0;
    return {
      form: own,
      length: bytesPerElement[own] * elementCount(shape) + scales,
      load: () => {
        numbers ??= numbersOf(source.read(name), own, shape[0]);
        return numbers;
      },
    };
  };
  const bytes = (name: string): WeightPlace => {
    const known = held.get(name);
    if (known) return known;
    const shape = source.shape(name);
    const own = formOf(source, name, shape, form);
    if (!own) return source.bytes(name);
    const weight = hold(name, shape, own);
    held.set(name, weight);
    return weight;
  };
  return { ...source, bytes };
}

/** Whether `holdWeights` in this form gives exactly the numbers of the file. */
export function isExactForm(source: WeightSource, form: HeldForm): boolean {
  if (form === 'int8') return false;
  for (const name of source.names()) {
    if (formOf(source, name, source.shape(name), form) === 'float16') return false;
  }
  return true;
}
