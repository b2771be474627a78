/** @file Writes a safetensors file tensor by tensor, for files that should not be held in memory. */
import type { FileHandle } from 'node:fs/promises';
import { bytesPerElement, type DType, elementCount, type Shape } from '../engine/index.ts';
import { type WriteOptions, writeAtomically } from './atomic-write.ts';
import { dtypeNames } from './safetensors-dtypes.ts';

export interface StreamedTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** What stands before the data of tensors that lie one after the other in the given order. */
export function safetensorsHeader(
  tensors: readonly StreamedTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let position = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = position + elementCount(shape) * bytesPerElement[dtype];
    header[name] = { dtype: dtypeNames[dtype], shape, data_offsets: [position, end] };
    position = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const out = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, 0x20);
  out.writeBigUInt64LE(BigInt(out.length - 8), 0);
  json.copy(out, 8);
  return out;
}

/** Asks for the bytes of one tensor after the other; the file appears under its name only when it is whole. */
export async function streamSafetensors(
  path: string,
  tensors: readonly StreamedTensor[],
  bytesOf: (tensor: StreamedTensor) => Uint8Array,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
  options: WriteOptions = {},
): Promise<void> {
  const fill = async (file: FileHandle): Promise<void> => {
    await file.writeFile(safetensorsHeader(tensors, metadata));
    for (const tensor of tensors) {
      const bytes = bytesOf(tensor);
      const expected = elementCount(tensor.shape) * bytesPerElement[tensor.dtype];
      if (bytes.length !== expected)
        throw new RangeError(`${tensor.name}: ${bytes.length} bytes instead of ${expected}`);
      await file.writeFile(bytes);
    }
  };
  await writeAtomically(path, fill, options);
}
