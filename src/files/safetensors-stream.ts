/** @file Writes a safetensors file tensor by tensor, for files that should not be held in memory. */
import type { FileHandle } from 'node:fs/promises';
import { type WriteOptions, writeAtomically } from './atomic-write.ts';
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

/** Header and data in one pass; a header with hashes is written again at the end, in its place and as long as before. */
async function writeBody(
  file: FileHandle,
  tensors: readonly StreamedTensor[],
  metadata: Metadata | undefined,
  { hashes: keys = [], late }: Pick<StreamOptions, 'hashes' | 'late'>,
  blocks: Blocks,
): Promise<ModelHashes | undefined> {
  if (keys.length === 0 && !late) {
    await file.writeFile(safetensorsHeader(tensors, metadata));
    for await (const block of blocks) await file.writeFile(block);
    return undefined;
  }
  const given = metadata ?? {};
  const header = (entries: Metadata, hashes?: ModelHashes): Uint8Array =>
    safetensorsHeader(tensors, withHashes(entries, keys, hashes));
  const hash = keys.length > 0 ? hashBody(tensors, given) : undefined;
  const first = header(given);
  await file.writeFile(first);
  for await (const block of blocks) {
    hash?.update(block);
    await file.writeFile(block);
  }
  const hashes = hash?.digest();
  const final = header({ ...given, ...(await late?.()) }, hashes);
  if (final.length !== first.length)
    throw new RangeError('late metadata are not as long as what stood for them');
  for (let done = 0; done < final.length; )
    done += (await file.write(final, done, final.length - done, done)).bytesWritten;
  return hashes;
}

/**
 * Asks for the bytes of one tensor after the other; the file appears under its name only when it is whole. Returns
 * the hashes where some were asked for.
 */
export async function streamSafetensors(
  path: string,
  tensors: readonly StreamedTensor[],
  bytesOf: (tensor: StreamedTensor) => Uint8Array | Promise<Uint8Array>,
  metadata: Metadata = { format: 'pt' },
  { hashes: keys, late, ...options }: StreamOptions = {},
): Promise<ModelHashes | undefined> {
  async function* blocks(): AsyncGenerator<Uint8Array> {
    for (const tensor of tensors) {
      const bytes = await bytesOf(tensor);
      checkLength(tensor, bytes);
      yield bytes;
    }
  }
  let hashes: ModelHashes | undefined;
  const fill = async (file: FileHandle): Promise<void> => {
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
  const fill = async (to: FileHandle): Promise<void> => {
    hashes = await writeBody(to, [...file.tensors.values()], metadata, { hashes: keys, late }, blocks());
  };
  await writeAtomically(out, fill, options);
  return hashes;
}
