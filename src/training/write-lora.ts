/** @file The trained LoRA as a file. */
import { basename } from 'node:path';
import type { Tensor } from '../engine/index.ts';
import type { WriteOptions } from '../files/index.ts';
import { type LoraWeights, trainedModule, type WrittenFile, writeLora } from '../lora/index.ts';
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

/** What a run has trained so far, as a LoRA in memory, without the metadata of a file. */
export function loraOf(
  { layers, recipe }: Pick<TrainedRun, 'layers' | 'recipe'>,
  parameters: ReadonlyMap<string, Tensor>,
  frozen: ReadonlyMap<string, Tensor>,
): LoraWeights {
  const modules = layers.map(layer => trainedModule(layer, parameters, frozen));
  return { modules, metadata: {}, embeddings: trainedEmbeddings(recipe, parameters) };
}

/** Writes the LoRA of a run, finished or not, to `path`. */
export async function writeTrainedLora(
  path: string,
  run: TrainedRun,
  { parameters = run.state.parameters, ...options }: LoraWriteOptions = {},
): Promise<WrittenLora> {
  const title = basename(path).replace(/\.safetensors$/, '');
  const base = await baseModelEntries(run.checkpoint);
  const manifest = manifestEntry(run, base.ss_new_sd_model_hash);
  const metadata = { ...loraMetadata(run, title), ...base, ...manifest };
  const lora = { ...loraOf(run, parameters, run.state.frozen), metadata };
  const blocks = run.checkpoint.family === 'sdxl' ? 'ldm' : 'diffusers';
  return writeLora(path, lora, { dtype: run.recipe.precision, blocks, ...options });
}
