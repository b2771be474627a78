/** @file Tensors of one file, one after the other, in the same memory. */
import { closeSync, openSync, readSync } from 'node:fs';
import { badInput } from '../errors.ts';
import type { SafetensorsFile } from './safetensors.ts';
import { printable } from './safetensors-header.ts';

export interface TensorReader {
  /** The raw bytes of a tensor, which may be written to; good until the next are asked for. */
  bytes(name: string): Uint8Array<ArrayBuffer>;
  close(): void;
}

export function openTensorReader({ path, tensors }: SafetensorsFile): TensorReader {
  const handle = openSync(path, 'r');
  let memory = new Uint8Array(0);
  return {
    bytes(name) {
      const entry = tensors.get(name);
      if (!entry) throw badInput('FORMAT_NO_TENSOR', `${path} has no tensor ${printable(name)}`);
      if (memory.length < entry.length) memory = new Uint8Array(entry.length);
      for (let done = 0; done < entry.length; ) {
        const length = Math.min(entry.length - done, 2 ** 30);
        const count = readSync(handle, memory, done, length, entry.offset + done);
        if (count === 0)
          throw badInput(
            'FORMAT_TRUNCATED',
            `${path} ends inside tensor ${printable(name)}`,
            'Fetch it again.',
          );
        done += count;
      }
      return memory.subarray(0, entry.length);
    },
    close: () => closeSync(handle),
  };
}
