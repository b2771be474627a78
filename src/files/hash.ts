/** @file The hashes that sites and tools know model files by. */
import { createHash } from 'node:crypto';
import { hashFile } from './hash-file.ts';
import { openSafetensors } from './safetensors.ts';

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
