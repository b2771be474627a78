/** @file The trained LoRA as a file. */
import { basename } from 'node:path';
import type { Tensor } from '../engine/index.ts';
import type { WriteOptions } from '../files/index.ts';
import { type LoraModule, type WrittenFile, writeLora } from '../lora/index.ts';
import { loraMetadata, type TrainedRun } from './metadata.ts';

export type { TrainedRun } from './metadata.ts';
export type WrittenLora = WrittenFile;

/** A and B as modules: 1×1 convolutions get their four axes back. */
function modulesOf({ layers, state }: TrainedRun): LoraModule[] {
  return layers.map(({ target, shape, rank, alpha }) => {
    const down = state.parameters.get(`${target}.down`) as Tensor;
    const up = state.parameters.get(`${target}.up`) as Tensor;
    const [out, ...inside] = shape;
    return {
      target,
      kind: 'lora',
      tensors: {
        down: { shape: [rank, ...inside], data: down.data },
        up: { shape: [out, rank, ...inside.slice(1).map(() => 1)], data: up.data },
      },
      alpha,
      rank,
    };
  });
}

/** Writes the LoRA of a run, finished or not, to `path`. */
export async function writeTrainedLora(
  path: string,
  run: TrainedRun,
  options: WriteOptions = {},
): Promise<WrittenLora> {
  const title = basename(path).replace(/\.safetensors$/, '');
  const lora = { modules: modulesOf(run), metadata: loraMetadata(run, title) };
  const blocks = run.checkpoint.family === 'sdxl' ? 'ldm' : 'diffusers';
  return writeLora(path, lora, { dtype: run.recipe.precision, blocks, ...options });
}
