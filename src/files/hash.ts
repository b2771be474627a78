/** @file The hashes that sites and tools know model files by. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { openSafetensors } from './safetensors.ts';

/** sha256 of a file from `start` on, streamed, hex; `onBytes` is told of every block. */
export async function hashFile(path: string, start = 0, onBytes?: (bytes: number) => void): Promise<string> {
  const hash = createHash('sha256');
  for await (const block of createReadStream(path, { start, highWaterMark: 2 ** 20 })) {
    hash.update(block as Buffer);
    onBytes?.((block as Buffer).length);
  }
  return hash.digest('hex');
}

/** `sshs_model_hash`, AutoV3: sha256 of the tensor data only, so that editing metadata leaves it alone. */
export async function hashTensorData(path: string): Promise<string> {
  return hashFile(path, openSafetensors(path).dataOffset);
}

/** sha256 over the data region of a serialised file. */
export function bodyHash(serialized: Uint8Array): string {
  const view = new DataView(serialized.buffer, serialized.byteOffset, serialized.byteLength);
  const start = 8 + Number(view.getBigUint64(0, true));
  return createHash('sha256').update(serialized.subarray(start)).digest('hex');
}

/** `sshs_legacy_hash`, AutoV1: first 8 hex digits of the sha256 of 64 KiB at 1 MiB. */
export function legacyHash(serialized: Uint8Array): string {
  return createHash('sha256').update(serialized.subarray(0x100000, 0x110000)).digest('hex').slice(0, 8);
}
