/** @file A LoRA by its hash: the sha256 of its tensor data (AutoV3) or of the file (AutoV2), or the beginning of one. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { openSafetensors, type SafetensorsFile } from '../../files/index.ts';

/** Both hashes in one pass over a file; undefined where it cannot be read. */
export function hashesOfFile(path: string): { tensors: string; file: string } | undefined {
  let facts: SafetensorsFile;
  try {
    facts = openSafetensors(path);
  } catch {
    return undefined; // it is no LoRA then, whatever its hash
  }
  const [whole, body] = [createHash('sha256'), createHash('sha256')];
  const handle = openSync(path, 'r');
  try {
    const block = Buffer.alloc(2 ** 20);
    for (let at = 0; ; ) {
      const count = readSync(handle, block, 0, block.length, at);
      if (count === 0) break;
      const read = block.subarray(0, count);
      whole.update(read);
      if (at + count > facts.dataOffset) body.update(read.subarray(Math.max(0, facts.dataOffset - at)));
      at += count;
    }
  } finally {
    closeSync(handle);
  }
  return { tensors: body.digest('hex'), file: whole.digest('hex') };
}
