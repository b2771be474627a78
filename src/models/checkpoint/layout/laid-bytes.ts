/** @file The bytes of a tensor as it is written: copied where nothing changes, else read, turned and rounded. */
import type { DType, Shape } from '../../../engine/index.ts';
import { badInput } from '../../../errors.ts';
import { floatTensorBytes, readRange, type WeightDType } from '../../../files/index.ts';
import { storedType } from '../shape-check.ts';
import { transposed } from '../single/stored-weights.ts';
import type { LaidTensor } from './parts.ts';

/** From here on a number is rounded to infinity, or to the largest one that the type has. */
const limits: Readonly<Record<WeightDType, number>> = {
  float32: Number.POSITIVE_INFINITY,
  bfloat16: 3.3961775e38,
  float16: 65520,
  float8_e4m3: 464.00003,
  float8_e5m2: 61440,
};

export const isWeightDType = (dtype: DType): dtype is WeightDType => Object.hasOwn(limits, dtype);

/** Where the first number is that has no place in a type: NaN, infinity, or one that is too large; −1 for none. */
export function firstOutside(values: Float32Array, dtype: WeightDType): number {
  // Without their sign, the bits of floats are ordered as the numbers are; NaN is above all.
  const limit = new Uint32Array(Float32Array.of(limits[dtype]).buffer)[0];
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let at = 0;
  while (at < words.length && (words[at] & 0x7fffffff) < limit) at++;
  return at === words.length ? -1 : at;
}

/** Throws CHECKPOINT_NOT_FINITE or WEIGHT_TOO_LARGE for the first number that has no place in the type. */
function checkRange(values: Float32Array, dtype: WeightDType, name: string): void {
  const at = firstOutside(values, dtype);
  if (at < 0) return;
  const what = `${name} holds ${values[at]} at ${at}`;
  if (!Number.isFinite(values[at]))
    throw badInput('CHECKPOINT_NOT_FINITE', what, 'The checkpoint is damaged; fetch it again.');
  const hint = 'Use bfloat16, which has the range of float32.';
  throw badInput('WEIGHT_TOO_LARGE', `${what}, more than ${dtype} can hold`, hint);
}

/** Numbers rounded to a type; throws for those that it cannot hold. */
export function rounded(values: Float32Array, shape: Shape, dtype: WeightDType, name: string): Uint8Array {
  checkRange(values, dtype, name);
  return floatTensorBytes({ shape, data: values }, dtype);
}

function concatenated<T extends Uint8Array | Float32Array>(
  parts: readonly T[],
  make: (length: number) => T,
): T {
  if (parts.length === 1) return parts[0];
  const all = make(parts.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const part of parts) {
    all.set(part as never, position);
    position += part.length;
  }
  return all;
}

/** The type that a tensor has where it comes from; what lies in memory is float32. */
export function storedDType({ pieces: [{ weights, name }] }: LaidTensor): DType {
  return storedType(weights, name) ?? 'float32';
}

/** The bytes of a tensor in a type. */
export function laidBytes(tensor: LaidTensor, dtype: WeightDType): Uint8Array {
  const { pieces, turned, shape, name } = tensor;
  const places = pieces.map(piece => piece.weights.bytes(piece.name));
  const copied = places.flatMap(place => ('path' in place && place.dtype === dtype ? [place] : []));
  if (!turned && copied.length === pieces.length)
    return concatenated(
      copied.map(place => readRange(place, `tensor ${name}`)),
      length => new Uint8Array(length),
    );
  const values = concatenated(
    pieces.map(piece => piece.weights.read(piece.name)),
    length => new Float32Array(length),
  );
  return rounded(turned ? transposed(values, [shape[1], shape[0]]) : values, shape, dtype, name);
}
