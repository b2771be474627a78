/** @file The trained LoRA as a file. */
import { basename } from 'node:path';
import type { Tensor } from '../engine/index.ts';
import type { WriteOptions } from '../files/index.ts';
import { trainedModule, type WrittenFile, writeLora } from '../lora/index.ts';
import { manifestEntry } from './manifest.ts';
import { baseModelEntries } from './metadata/base-hashes.ts';
import { loraMetadata, type TrainedRun } from './metadata/lora-metadata.ts';
import { trainedEmbeddings } from './new-word.ts';

export type { TrainedRun } from './metadata/lora-metadata.ts';
export type WrittenLora = WrittenFile;

export interface LoraWriteOptions extends WriteOptions {
  /** What is written, where it is not what is trained: an average, the best so far. */
  readonly parameters?: ReadonlyMap<string, Tensor>;
}

/** Writes the LoRA of a run, finished or not, to `path`. */
export async function writeTrainedLora(
  path: string,
  run: TrainedRun,
  { parameters = run.state.parameters, ...options }: LoraWriteOptions = {},
): Promise<WrittenLora> {
  const title = basename(path).replace(/\.safetensors$/, '');
  const { frozen } = run.state;
  const modules = run.layers.map(layer => trainedModule(layer, parameters, frozen));
  const base = await baseModelEntries(run.checkpoint);
  const manifest = manifestEntry(run, base.ss_new_sd_model_hash);
  const metadata = { ...loraMetadata(run, title), ...base, ...manifest };
  const embeddings = trainedEmbeddings(run.recipe, parameters);
  const lora = { modules, metadata, ...(embeddings.length > 0 ? { embeddings } : {}) };
  const blocks = run.checkpoint.family === 'sdxl' ? 'ldm' : 'diffusers';
  return writeLora(path, lora, { dtype: run.recipe.precision, blocks, ...options });
}
