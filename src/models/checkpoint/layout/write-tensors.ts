/** @file Writes laid-out tensors to one file, tensor by tensor: no more than one is in memory. */
import { bytesPerElement, elementCount } from '../../../engine/index.ts';
import { streamSafetensors, type WeightDType } from '../../../files/index.ts';
import { isWeightDType, laidBytes, storedDType } from './laid-bytes.ts';
import type { LaidTensor } from './parts.ts';

export interface TypedTensor extends LaidTensor {
  readonly dtype: WeightDType;
}

/** How far a conversion is, and whether it should go on. */
export interface Advance {
  /** Called after each tensor with its bytes. */
  readonly wrote: (bytes: number) => void;
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

export const bytesOf = (tensors: readonly TypedTensor[]): number =>
  tensors.reduce((sum, { shape, dtype }) => sum + elementCount(shape) * bytesPerElement[dtype], 0);

/** Wide types first, so that every tensor is aligned. */
export async function writeTensors(
  path: string,
  tensors: readonly TypedTensor[],
  { metadata, marks = [] }: { metadata: Readonly<Record<string, string>>; marks?: readonly string[] },
  { wrote, signal }: Advance,
): Promise<void> {
  const sorted = [...tensors].sort((a, b) => bytesPerElement[b.dtype] - bytesPerElement[a.dtype]);
  const byName = new Map(sorted.map(tensor => [tensor.name, tensor]));
  const empty = marks.map(name => ({ name, dtype: 'float32' as const, shape: [0] }));
  await streamSafetensors(
    path,
    [...empty, ...sorted],
    ({ name }) => {
      signal?.throwIfAborted();
      const tensor = byName.get(name);
      const bytes = tensor ? laidBytes(tensor, tensor.dtype) : new Uint8Array(0);
      wrote(bytes.length);
      return bytes;
    },
    metadata,
    { keepExisting: true },
  );
}
