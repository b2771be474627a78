/** @file Weights of one part of a checkpoint, read in place from .safetensors files (sharded or not). */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Shape, WeightBytes } from '../../engine/index.ts';
import { badInput } from '../../errors.ts';
import { openSafetensors, readTensor, type SafetensorsFile, type TensorEntry } from '../../files/index.ts';
import type { WeightSource } from '../layers.ts';

interface Located {
  readonly file: SafetensorsFile;
  readonly entry: TensorEntry;
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/** Files that hold the weights of a part: `<stem>.safetensors`, its fp16 variant, or the shards an index lists. */
function weightFiles(folder: string, stem: string): string[] {
  for (const variant of ['', '.fp16']) {
    const single = join(folder, `${stem}${variant}.safetensors`);
    if (existsSync(single)) return [single];
    const index = join(folder, `${stem}.safetensors.index${variant}.json`);
    if (!existsSync(index)) continue;
    const parsed = indexSchema.safeParse(JSON.parse(readFileSync(index, 'utf8')));
    if (!parsed.success) throw badInput('CHECKPOINT_BAD_CONFIG', `${index} does not list weight files`);
    return [...new Set(Object.values(parsed.data.weight_map))].map(name => join(folder, name));
  }
  const pickle = ['.bin', '.ckpt', '.pt'].map(end => join(folder, stem + end)).find(existsSync);
  if (pickle) {
    const hint = 'Pickle files can run code and are never opened; convert the checkpoint to .safetensors.';
    throw badInput('FORMAT_PICKLE', `${pickle} is a pickle file`, hint);
  }
  throw badInput(
    'CHECKPOINT_MISSING_FILE',
    `${folder} has no ${stem}.safetensors`,
    'The folder must be in the Diffusers layout with .safetensors weights.',
  );
}

/** Opens the weights of a part folder; `stem` is the file name without `.safetensors`. Headers only. */
export function openWeights(
  folder: string,
  stem: string,
): WeightSource & { readonly files: readonly string[] } {
  const files = weightFiles(folder, stem);
  const located = new Map<string, Located>();
  for (const path of files) {
    const file = openSafetensors(path);
    for (const [name, entry] of file.tensors) located.set(name, { file, entry });
  }
  const find = (name: string): Located => {
    const hit = located.get(name);
    if (hit) return hit;
    throw badInput('CHECKPOINT_MISSING_TENSOR', `${files[0]} has no tensor ${name}`, 'Is the file complete?');
  };
  return {
    files,
    has: name => located.has(name),
    names: () => located.keys(),
    shape: (name): Shape => find(name).entry.shape,
    read: name => readTensor(find(name).file, name).data,
    bytes: (name): WeightBytes => {
      const { file, entry } = find(name);
      return { path: resolve(file.path), dtype: entry.dtype, offset: entry.offset, length: entry.length };
    },
  };
}
