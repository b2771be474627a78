/** @file The difference of a weight in two models, whatever types they are held in. */
import {
  type DType,
  halfBitsToFloat,
  narrowToBfloat,
  narrowToHalf,
  widenBfloat,
  widenHalf,
} from '../../engine/index.ts';
import { readRange } from '../../files/index.ts';
import type { WeightSource } from '../../models/index.ts';

const rounding: Readonly<Partial<Record<DType, (numbers: Float32Array) => Float32Array>>> = {
  float16: numbers => widenHalf(narrowToHalf(numbers)),
  bfloat16: numbers => widenBfloat(narrowToBfloat(numbers)),
};

function storedAs(weights: WeightSource, name: string): DType | undefined {
  const place = weights.bytes(name);
  return weights.dtype?.(name) ?? ('path' in place ? place.dtype : undefined);
}

const areEqual = (a: Float32Array, b: Float32Array): boolean => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

/** Equal numbers, or numbers that are equal once the wider are rounded as the narrower were. */
function areAlike(a: Float32Array, b: Float32Array, typeA?: DType, typeB?: DType): boolean {
  if (areEqual(a, b)) return true;
  if (typeA === typeB) return false;
  const asA = typeA && rounding[typeA];
  const asB = typeB && rounding[typeB];
  return (asA !== undefined && areEqual(a, asA(b))) || (asB !== undefined && areEqual(asB(a), b));
}

let halfTable: Float32Array | undefined;

/** The bits of a weight that lies in its file as float16. */
function halfBits(weights: WeightSource, name: string): Uint16Array | undefined {
  const place = weights.bytes(name);
  if (!('path' in place) || place.dtype !== 'float16') return undefined;
  return new Uint16Array(readRange(place, `tensor ${name}`).buffer);
}

/** a − b of half floats without widening them first, which takes half the time of a whole model. */
function differenceOfHalves(a: Uint16Array, b: Uint16Array): Float32Array | undefined {
  halfTable ??= Float32Array.from({ length: 65536 }, (_, bits) => halfBitsToFloat(bits));
  const out = new Float32Array(a.length);
  let isDifferent = false;
  for (let i = 0; i < a.length; i++) {
    const difference = halfTable[a[i]] - halfTable[b[i]];
    if (difference !== 0) isDifferent = true;
    out[i] = difference;
  }
  return isDifferent ? out : undefined;
}

/** a − b; undefined where both are the same, or one is the other in another type. */
export function differenceOf(a: WeightSource, b: WeightSource, name: string): Float32Array | undefined {
  const [halvesA, halvesB] = [halfBits(a, name), halfBits(b, name)];
  if (halvesA && halvesB) return differenceOfHalves(halvesA, halvesB);
  const [numbersA, numbersB] = [a.read(name), b.read(name)];
  if (areAlike(numbersA, numbersB, storedAs(a, name), storedAs(b, name))) return undefined;
  return numbersA.map((x, i) => x - numbersB[i]);
}
