/** @file Folders that options name, and how the base is held. */
import { existsSync } from 'node:fs';
import { badInput } from '../../errors.ts';
import { isFolder } from '../../files/index.ts';
import { type LoraFolders, openEmbeddings, openLoraFolders, openWildcards } from '../../generation/index.ts';
import { type Checkpoint, holdWeights } from '../../models/index.ts';
import type { PictureOptions } from './options.ts';

/** Folders that the options name, each listed once. */
export interface PictureFolders {
  readonly loras: LoraFolders;
  readonly embeddings: ReturnType<typeof openEmbeddings>;
  readonly wildcards: ReturnType<typeof openWildcards>;
}

/** A folder with a slip in its name would be looked through in silence, and found empty. */
function checkFolders(option: string, folders: readonly string[]): void {
  for (const folder of folders) {
    if (isFolder(folder)) continue;
    const what = existsSync(folder) ? 'is a file, not a folder' : 'is not there';
    throw badInput('FOLDER_NOT_FOUND', `${option} ${folder} ${what}`, 'Check the path.');
  }
}

/** Throws FOLDER_NOT_FOUND. */
export function openPictureFolders(
  options: Pick<PictureOptions, 'loraFolder' | 'embeddingFolder' | 'wildcardFolder'>,
): PictureFolders {
  checkFolders('--lora-folder', options.loraFolder);
  checkFolders('--embedding-folder', options.embeddingFolder);
  checkFolders('--wildcard-folder', options.wildcardFolder);
  return {
    loras: openLoraFolders(['.', ...options.loraFolder]),
    embeddings: openEmbeddings(options.embeddingFolder),
    wildcards: openWildcards(options.wildcardFolder),
  };
}

/** The checkpoint with its UNet held as the options say. */
export function holdUnet(
  checkpoint: Checkpoint,
  { baseWeights }: Pick<PictureOptions, 'baseWeights'>,
): Checkpoint {
  if (baseWeights === 'file') return checkpoint;
  const weights = holdWeights(checkpoint.unet.weights, baseWeights);
  return { ...checkpoint, unet: { ...checkpoint.unet, weights } };
}
