/** @file Tensors of pictures put together to a batch, and taken apart again. */
import type { Tensor } from '../engine/index.ts';

/** Joins [a, …], [b, …] to [a + b, …]. */
export function joinBatch(tensors: readonly Tensor[]): Tensor {
  const data = new Float32Array(tensors.reduce((sum, tensor) => sum + tensor.data.length, 0));
  let start = 0;
  for (const tensor of tensors) {
    data.set(tensor.data, start);
    start += tensor.data.length;
  }
  const count = tensors.reduce((sum, { shape }) => sum + shape[0], 0);
  return { shape: [count, ...tensors[0].shape.slice(1)], data };
}

/** n tensors […] → [n, …] */
export const stackBatch = (tensors: readonly Tensor[]): Tensor =>
  joinBatch(tensors.map(({ shape, data }) => ({ shape: [1, ...shape], data })));

/** The numbers of n pictures, each of `shape` → [n, …shape] */
export const joinNumbers = (parts: readonly Float32Array[], shape: readonly number[]): Tensor =>
  stackBatch(parts.map(data => ({ shape, data })));

/** [n, …] → n tensors without the first dimension. */
export function splitBatch({ shape, data }: Tensor): Tensor[] {
  const size = data.length / shape[0];
  return Array.from({ length: shape[0] }, (_, i) => ({
    shape: shape.slice(1),
    data: data.slice(i * size, (i + 1) * size),
  }));
}

/** [1, …] → [n, …], the same n times; a batch of n stays as it is. */
export const repeatBatch = (tensor: Tensor, count: number): Tensor =>
  tensor.shape[0] === count ? tensor : joinBatch(Array.from({ length: count }, () => tensor));
