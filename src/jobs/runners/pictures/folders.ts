/** @file The folders that prompts name things in. */
import {
  type Embeddings,
  type LoraFolders,
  openEmbeddings,
  openLoraFolders,
  openWildcards,
} from '../../../generation/index.ts';
import type { JobNames } from '../../runner.ts';

export interface PictureFolders {
  readonly loras: LoraFolders;
  readonly embeddings: Embeddings;
  readonly wildcards: ReturnType<typeof openWildcards>;
}

/** Opened for each job, so that what was added since is found; they are listed only where a prompt names something. */
export function openPictureFolders(names: JobNames): PictureFolders {
  return {
    // Prompts and axes come from outside: names lead to files of the library only.
    loras: openLoraFolders(names.loraFolders, { namesOnly: true }),
    embeddings: openEmbeddings(names.embeddingFolders),
    wildcards: openWildcards(names.wildcardFolders),
  };
}
