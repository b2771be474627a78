/** @file Row-major float64 arrays and the index arithmetic that the interpreter and its oracles share. */
import { elementCount, type Shape } from '../tensor/tensor.ts';

export interface Float64Tensor {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** Calls `visit` with every index of `shape` in row-major order. The index array is reused between calls. */
export function forEachIndex(shape: Shape, visit: (index: readonly number[], flat: number) => void): void {
  const index = shape.map(() => 0);
  const count = elementCount(shape);
  for (let flat = 0; flat < count; flat++) {
    visit(index, flat);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

/** Flat position of `index` in an array of `shape`. Leading axes of `index` that `shape` lacks, and axes of size 1, do not count. */
export function offsetOf(index: readonly number[], shape: Shape): number {
  const extra = index.length - shape.length;
  let offset = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    offset = offset * shape[axis] + (shape[axis] === 1 ? 0 : index[axis + extra]);
  }
  return offset;
}
