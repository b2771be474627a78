/** @file A region of a file, block by block. */
import { open } from 'node:fs/promises';
import { badInput } from '../errors.ts';

const blockBytes = 4 * 2 ** 20;

/** Each block is good until the next but one is asked for. Throws FORMAT_TRUNCATED when the file ends before `end`. */
export async function* fileBlocks(path: string, start: number, end: number): AsyncGenerator<Buffer> {
  const handle = await open(path, 'r');
  try {
    const size = Math.min(blockBytes, end - start);
    let [buffer, other] = [Buffer.allocUnsafe(size), Buffer.allocUnsafe(size)];
    for (let position = start; position < end; ) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, end - position), position);
      if (bytesRead === 0)
        throw badInput(
          'FORMAT_TRUNCATED',
          `${path} ends at ${position}, before ${end}`,
          'It was cut off while it was read.',
        );
      yield buffer.subarray(0, bytesRead);
      position += bytesRead;
      [buffer, other] = [other, buffer];
    }
  } finally {
    await handle.close();
  }
}
