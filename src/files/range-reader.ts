/** @file Short ranges of one file, one after the other, in the same two pieces of memory. */
import { closeSync, openSync, readSync } from 'node:fs';
import { badInput } from '../errors.ts';

export interface RangeReader {
  /** Bytes that may be written to; good until the next but one are asked for. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
  close(): void;
}

export function openRangeReader(path: string): RangeReader {
  const handle = openSync(path, 'r');
  let [memory, other] = [new Uint8Array(0), new Uint8Array(0)];
  return {
    read(offset, length) {
      [memory, other] = [other, memory];
      if (memory.length < length) memory = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const count = readSync(handle, memory, done, Math.min(length - done, 2 ** 30), offset + done);
        if (count === 0)
          throw badInput(
            'FORMAT_TRUNCATED',
            `${path} ends before ${offset + length}`,
            'It was cut off while it was read.',
          );
        done += count;
      }
      return memory.subarray(0, length);
    },
    close: () => closeSync(handle),
  };
}
