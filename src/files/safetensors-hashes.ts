/**
 * @file The hashes that metadata state of a file's tensors (sd-scripts library/train_util.py, OneTrainer). Both are
 * streamed: no file needs to fit into memory, and none is written twice to hold a hash of itself.
 */
import { createHash } from 'node:crypto';
import type { SafetensorsFile, TensorEntry } from './safetensors.ts';
import { fileBlocks } from './safetensors-blocks.ts';
import { type Metadata, type StreamedTensor, safetensorsHeader } from './safetensors-write.ts';

export interface ModelHashes {
  /** sha256 of the tensor data, so that editing metadata leaves it alone; AutoV3 is its first 12 digits. */
  readonly tensors: string;
  /** 8 digits of the sha256 of 64 KiB at 1 MiB of the file that has no metadata but `ss_*`. */
  readonly legacy: string;
}

/** What metadata call them, and how they write them. */
export const hashKeys = {
  sshs_model_hash: ({ tensors }: ModelHashes) => tensors,
  sshs_legacy_hash: ({ legacy }: ModelHashes) => legacy,
  'modelspec.hash_sha256': ({ tensors }: ModelHashes) => `0x${tensors}`,
} as const;

export type HashKey = keyof typeof hashKeys;

const window = { start: 0x100000, end: 0x110000 };
const zeros: ModelHashes = { tensors: '0'.repeat(64), legacy: '0'.repeat(8) };

/** Metadata with these hashes in it; zeros of the same length while they are not known. */
export function withHashes(metadata: Metadata, keys: readonly HashKey[], hashes = zeros): Metadata {
  return { ...metadata, ...Object.fromEntries(keys.map(key => [key, hashKeys[key](hashes)])) };
}

const trainingOnly = (metadata: Metadata): Metadata =>
  Object.fromEntries(Object.entries(metadata).filter(([key]) => key.startsWith('ss_')));

/** Takes the data region block by block. */
export function hashBody(tensors: readonly StreamedTensor[], metadata: Metadata) {
  const [body, legacy] = [createHash('sha256'), createHash('sha256')];
  const header = safetensorsHeader(tensors, trainingOnly(metadata));
  let position = 0;
  const take = (block: Uint8Array): void => {
    const [from, to] = [window.start - position, window.end - position];
    if (to > 0 && from < block.length) legacy.update(block.subarray(Math.max(0, from), to));
    position += block.length;
  };
  take(header);
  return {
    update(block: Uint8Array): void {
      body.update(block);
      take(block);
    },
    digest: (): ModelHashes => ({
      tensors: body.digest('hex'),
      legacy: legacy.digest('hex').slice(0, 8),
    }),
  };
}

/** Of a file on disk, with its own metadata or those that it is to have; `onBytes` is told of every block. */
export async function modelHashes(
  file: SafetensorsFile,
  metadata: Metadata = file.metadata,
  onBytes?: (bytes: number) => void,
): Promise<ModelHashes> {
  const hash = hashBody([...file.tensors.values()], metadata);
  for await (const block of fileBlocks(file.path, file.dataOffset, file.fileSize)) {
    hash.update(block);
    onBytes?.(block.length);
  }
  return hash.digest();
}

const byName = (a: TensorEntry, b: TensorEntry): number => (a.name < b.name ? -1 : 1);

/** OneTrainer's `modelspec.hash_sha256`: over the tensors in the order of their names, whatever theirs in the file. */
export async function hashByName({ path, tensors }: SafetensorsFile): Promise<string> {
  const hash = createHash('sha256');
  for (const { offset, length } of [...tensors.values()].sort(byName))
    for await (const block of fileBlocks(path, offset, offset + length)) hash.update(block);
  return `0x${hash.digest('hex')}`;
}
