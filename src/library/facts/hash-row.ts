/** @file The hashes of one file of a card, or of the file that stands for a folder. */
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { badInput } from '../../errors.ts';
import { mainFile } from '../../lora/index.ts';
import { readHead } from '../scan/read-head.ts';
import type { FileRow } from '../store/file-table.ts';
import { type FileHashes, hashInThread } from './hash-thread.ts';
import { weightFiles } from './read-facts.ts';

/** The file of a card that is hashed: of a folder, the one with the UNet, or that of the LoRA. */
function hashedFile({ path, is }: Pick<FileRow, 'path' | 'is'>): string {
  if (is === 'file') return path;
  if (is === 'lora-folder') return mainFile(path);
  const files = weightFiles(path);
  return files.find(file => dirname(file) === join(path, 'unet')) ?? files[0] ?? path;
}

const dataOffsetOf = (path: string): number => (/\.safetensors$/i.test(path) ? readHead(path).dataOffset : 0);

/** Reads all of it, in a thread of its own. Throws FILE_CHANGED where it was written to meanwhile. */
export async function hashRow(
  row: Pick<FileRow, 'path' | 'is'>,
  signal: AbortSignal | undefined,
): Promise<FileHashes> {
  const path = hashedFile(row);
  const { size, mtimeMs } = statSync(path);
  const hashes = await hashInThread(path, dataOffsetOf(path), signal);
  const after = statSync(path);
  if (after.size !== size || after.mtimeMs !== mtimeMs)
    throw badInput('FILE_CHANGED', `${path} was written to while it was read`, 'Try again.');
  return hashes;
}
