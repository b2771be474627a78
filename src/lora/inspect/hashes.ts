/** @file The hashes that sites and tools know a LoRA by, and whether those that it states are true. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { SafetensorsFile } from '../../files/index.ts';

export interface LoraHashes {
  /** sha256 of 64 KiB at 1 MiB, 8 digits; undefined for files that are shorter. */
  readonly autoV1?: string;
  /** sha256 of the file. */
  readonly sha256: string;
  /** Its first 10 digits. */
  readonly autoV2: string;
  /** sha256 of the tensor data alone. */
  readonly tensors: string;
  /** Its first 12 digits. */
  readonly autoV3: string;
  /** What the metadata states; undefined where it states nothing. */
  readonly stated?: { readonly key: string; readonly value: string; readonly isTrue: boolean };
}

const legacyStart = 0x100000;
const legacyEnd = 0x110000;

function statedHash(file: SafetensorsFile, tensors: string): LoraHashes['stated'] {
  const key = ['sshs_model_hash', 'modelspec.hash_sha256'].find(name => file.metadata[name]);
  if (!key) return undefined;
  const value = file.metadata[key].replace(/^0x/i, '').toLowerCase();
  return { key, value, isTrue: value.length >= 8 && tensors.startsWith(value) };
}

/** All in one pass over the file. */
export async function hashesOf(file: SafetensorsFile): Promise<LoraHashes> {
  const [whole, body, legacy] = [createHash('sha256'), createHash('sha256'), createHash('sha256')];
  let at = 0;
  for await (const chunk of createReadStream(file.path, { highWaterMark: 2 ** 20 })) {
    const block = chunk as Buffer;
    whole.update(block);
    if (at + block.length > file.dataOffset) body.update(block.subarray(Math.max(0, file.dataOffset - at)));
    if (at < legacyEnd && at + block.length > legacyStart)
      legacy.update(block.subarray(Math.max(0, legacyStart - at), legacyEnd - at));
    at += block.length;
  }
  const [sha256, tensors] = [whole.digest('hex'), body.digest('hex')];
  const stated = statedHash(file, tensors);
  return {
    ...(at > legacyStart ? { autoV1: legacy.digest('hex').slice(0, 8) } : {}),
    ...{ sha256, autoV2: sha256.slice(0, 10), tensors, autoV3: tensors.slice(0, 12) },
    ...(stated ? { stated } : {}),
  };
}
