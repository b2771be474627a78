/** @file Dtypes, shapes and tensors that live in JavaScript memory. */

/** Element types that files hold or graphs compute with. */
export type DType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'float8_e4m3'
  | 'float8_e5m2'
  | 'float8_e4m3fnuz'
  | 'float8_e5m2fnuz'
  | 'float8_e8m0'
  | 'float6_e3m2'
  | 'float6_e2m3'
  | 'float4'
  | 'complex64'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint64'
  | 'uint32'
  | 'uint16'
  | 'uint8'
  | 'bool';

export const bytesPerElement: Readonly<Record<DType, number>> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  float8_e4m3: 1,
  float8_e5m2: 1,
  float8_e4m3fnuz: 1,
  float8_e5m2fnuz: 1,
  float8_e8m0: 1,
  float6_e3m2: 6 / 8,
  float6_e2m3: 6 / 8,
  float4: 4 / 8,
  complex64: 8,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint64: 8,
  uint32: 4,
  uint16: 2,
  uint8: 1,
  bool: 1,
};

export type Shape = readonly number[];

/** A float32 tensor in row-major order; the only kind that host code computes with. */
export interface Tensor {
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** Number of elements of a shape; 1 for a scalar `[]`. */
export function elementCount(shape: Shape): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

/** Makes a tensor, checking that data and shape agree. */
export function tensor(shape: Shape, data: Float32Array): Tensor {
  if (data.length !== elementCount(shape)) {
    throw new RangeError(`tensor [${shape}] needs ${elementCount(shape)} elements, got ${data.length}`);
  }
  return { shape, data };
}

export function zeros(shape: Shape): Tensor {
  return { shape, data: new Float32Array(elementCount(shape)) };
}

/** Adds `other` to `sum`, number by number. */
export function addInPlace(sum: Float32Array, other: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += other[i];
}
