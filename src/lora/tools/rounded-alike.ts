/** @file Whether two weights are one, held in different types. */
import { type DType, narrowToBfloat, narrowToHalf, widenBfloat, widenHalf } from '../../engine/index.ts';
import type { WeightSource } from '../../models/index.ts';

const rounding: Readonly<Partial<Record<DType, (numbers: Float32Array) => Float32Array>>> = {
  float16: numbers => widenHalf(narrowToHalf(numbers)),
  bfloat16: numbers => widenBfloat(narrowToBfloat(numbers)),
};

const areEqual = (a: Float32Array, b: Float32Array): boolean => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

function storedAs(weights: WeightSource, name: string): DType | undefined {
  const place = weights.bytes(name);
  return weights.dtype?.(name) ?? ('path' in place ? place.dtype : undefined);
}

/** Equal numbers, or numbers that are equal once the wider are rounded as the narrower were. */
export function roundedAlike(
  a: Float32Array,
  b: Float32Array,
  [ofA, ofB]: readonly [WeightSource, WeightSource],
  name: string,
): boolean {
  if (areEqual(a, b)) return true;
  const [typeA, typeB] = [storedAs(ofA, name), storedAs(ofB, name)];
  if (typeA === typeB) return false;
  const asA = typeA && rounding[typeA];
  const asB = typeB && rounding[typeB];
  return (asA !== undefined && areEqual(a, asA(b))) || (asB !== undefined && areEqual(asB(a), b));
}
