/** @file Writes laid-out tensors to one file, tensor by tensor: no more than one is in memory. */
import { bytesPerElement, elementCount } from '../../../engine/index.ts';
import {
  type StreamedTensor,
  type StreamOptions,
  streamSafetensors,
  type TensorData,
  type WeightDType,
} from '../../../files/index.ts';
import { isWeightDType, laidBytes, storedDType } from './laid-bytes.ts';
import type { LaidTensor } from './parts.ts';

export interface TypedTensor extends LaidTensor {
  readonly dtype: WeightDType;
}

/** How far a conversion is, and whether it should go on. */
export interface Advance {
  /** Called after each block with its bytes; the next one waits for it. */
  readonly wrote: (bytes: number) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

function typeOf(tensor: LaidTensor): WeightDType {
  const stored = storedDType(tensor);
  return isWeightDType(stored) ? stored : 'float32';
}

/** What each tensor is written as: the asked type, or the one that it has. */
export function typed(tensors: readonly LaidTensor[], dtype: WeightDType | undefined): TypedTensor[] {
  return tensors.map(tensor => ({ ...tensor, dtype: dtype ?? typeOf(tensor) }));
}

export const bytesOf = (tensors: readonly StreamedTensor[]): number =>
  tensors.reduce((sum, { shape, dtype }) => sum + elementCount(shape) * bytesPerElement[dtype], 0);

/** Streams tensors to a new file, wide types first, so that every one of them is aligned. */
export async function streamAligned<T extends StreamedTensor>(
  path: string,
  tensors: readonly T[],
  make: (tensor: T) => TensorData,
  metadata: Readonly<Record<string, string>>,
  { wrote, signal }: Advance,
  options: Pick<StreamOptions, 'hashes' | 'late'> = {},
): Promise<void> {
  const sorted = [...tensors].sort((a, b) => bytesPerElement[b.dtype] - bytesPerElement[a.dtype]);
  const byName = new Map(sorted.map(tensor => [tensor.name, tensor]));
  async function* dataFor({ name }: StreamedTensor): AsyncGenerator<Uint8Array> {
    signal?.throwIfAborted();
    const data = make(byName.get(name) as T);
    for await (const block of Symbol.asyncIterator in data ? data : [await data]) {
      signal?.throwIfAborted();
      yield block;
      await wrote(block.length);
    }
  }
  await streamSafetensors(path, sorted, dataFor, metadata, { ...options, keepExisting: true });
}

/** Writes laid-out tensors, and `marks`: empty tensors that stand in front. */
export async function writeTensors(
  path: string,
  tensors: readonly TypedTensor[],
  { metadata, marks = [] }: { metadata: Readonly<Record<string, string>>; marks?: readonly string[] },
  advance: Advance,
): Promise<void> {
  const empty = marks.map((name): TypedTensor => ({ name, dtype: 'float32', shape: [0], pieces: [] }));
  const make = (tensor: TypedTensor): Uint8Array =>
    tensor.pieces.length === 0 ? new Uint8Array(0) : laidBytes(tensor, tensor.dtype);
  await streamAligned(path, [...empty, ...tensors], make, metadata, advance);
}
