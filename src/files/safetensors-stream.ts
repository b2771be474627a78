/** @file Writes a safetensors file tensor by tensor, for files that should not be held in memory. */
import { type WriteOptions, writeAtomically, writeWhole } from './atomic-write.ts';
import type { DiskFile } from './disk.ts';
import type { SafetensorsFile } from './safetensors.ts';
import { fileBlocks } from './safetensors-blocks.ts';
import { type HashKey, hashBody, type ModelHashes, withHashes } from './safetensors-hashes.ts';
import { checkLength, type Metadata, type StreamedTensor, safetensorsHeader } from './safetensors-write.ts';

export interface StreamOptions extends WriteOptions {
  /** Hashes that are computed on the way and put into the metadata. */
  readonly hashes?: readonly HashKey[] | undefined;
  /** Values that are known only at the end; what stands in for them in the metadata is as long. */
  readonly late?: (() => Promise<Metadata>) | undefined;
}

type Blocks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Bytes after which the disk is asked to take what is written, so that little is left to wait for at the end. */
const flushBytes = 2 ** 28;

/** Writes each block while the next is made, and flushes on the way; what a flush reports is thrown. */
async function writeBlocks(file: DiskFile, blocks: Blocks, see?: (block: Uint8Array) => void): Promise<void> {
  const failures: unknown[] = [];
  const keep = (error: unknown): void => {
    failures.push(error);
  };
  let writing: Promise<void> = Promise.resolve();
  let flushing: Promise<void> = Promise.resolve();
  let unflushed = 0;
  for await (const block of blocks) {
    await writing;
    if (failures.length > 0) break;
    see?.(block);
    writing = writeWhole(file, block).catch(keep);
    unflushed += block.length;
    if (unflushed < flushBytes) continue;
    unflushed = 0;
    flushing = flushing.then(() => file.datasync()).catch(keep);
  }
  await Promise.all([writing, flushing]);
  if (failures.length > 0) throw failures[0];
}

/** Header and data in one pass; a header with hashes is written again at the end, in its place and as long as before. */
async function writeBody(
  file: DiskFile,
  tensors: readonly StreamedTensor[],
  metadata: Metadata | undefined,
  { hashes: keys = [], late }: Pick<StreamOptions, 'hashes' | 'late'>,
  blocks: Blocks,
): Promise<ModelHashes | undefined> {
  if (keys.length === 0 && !late) {
    await writeWhole(file, safetensorsHeader(tensors, metadata));
    await writeBlocks(file, blocks);
    return undefined;
  }
  const given = metadata ?? {};
  const header = (entries: Metadata, hashes?: ModelHashes): Uint8Array =>
    safetensorsHeader(tensors, withHashes(entries, keys, hashes));
  const hash = keys.length > 0 ? hashBody(tensors, given) : undefined;
  const first = header(given);
  await writeWhole(file, first);
  await writeBlocks(file, blocks, block => hash?.update(block));
  const hashes = hash?.digest();
  const final = header({ ...given, ...(await late?.()) }, hashes);
  if (final.length !== first.length)
    throw new RangeError('late metadata are not as long as what stood for them');
  await writeWhole(file, final, 0);
  return hashes;
}

/** The bytes of a tensor, whole or block by block. */
export type TensorData = Uint8Array | Promise<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Asks for the data of one tensor after the other, which must stay as they are until the next block but one is asked
 * for; the file appears under its name only when it is whole. Returns the hashes where some were asked for.
 */
export async function streamSafetensors(
  path: string,
  tensors: readonly StreamedTensor[],
  dataOf: (tensor: StreamedTensor) => TensorData,
  metadata: Metadata = { format: 'pt' },
  { hashes: keys, late, ...options }: StreamOptions = {},
): Promise<ModelHashes | undefined> {
  async function* blocks(): AsyncGenerator<Uint8Array> {
    for (const tensor of tensors) {
      const data = dataOf(tensor);
      let length = 0;
      for await (const block of Symbol.asyncIterator in data ? data : [await data]) {
        yield block;
        length += block.length;
      }
      checkLength(tensor, { length });
    }
  }
  let hashes: ModelHashes | undefined;
  const fill = async (file: DiskFile): Promise<void> => {
    hashes = await writeBody(file, tensors, metadata, { hashes: keys, late }, blocks());
  };
  await writeAtomically(path, fill, options);
  return hashes;
}

/** The same tensors, byte for byte, under other metadata; `out` may be the file itself. */
export async function rewriteMetadata(
  file: SafetensorsFile,
  out: string,
  metadata: Metadata,
  {
    hashes: keys,
    late,
    onBytes,
    ...options
  }: StreamOptions & { readonly onBytes?: (bytes: number) => void } = {},
): Promise<ModelHashes | undefined> {
  async function* blocks(): AsyncGenerator<Uint8Array> {
    for await (const block of fileBlocks(file.path, file.dataOffset, file.fileSize)) {
      yield block;
      onBytes?.(block.length);
    }
  }
  let hashes: ModelHashes | undefined;
  const fill = async (to: DiskFile): Promise<void> => {
    hashes = await writeBody(to, [...file.tensors.values()], metadata, { hashes: keys, late }, blocks());
  };
  await writeAtomically(out, fill, options);
  return hashes;
}
