/** @file Weights of one part of a checkpoint, read in place from .safetensors files (sharded or not). */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Shape, WeightBytes } from '../../engine/index.ts';
import { badInput } from '../../errors.ts';
import { openSafetensors, readTensor, type SafetensorsFile, type TensorEntry } from '../../files/index.ts';
import type { WeightSource } from '../layers.ts';
import { badConfig, readConfig } from './read-config.ts';

interface Located {
  readonly file: SafetensorsFile;
  readonly entry: TensorEntry;
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/** The shards that an index lists. */
function shards(folder: string, index: string): string[] {
  const names = new Set(Object.values(readConfig(index, indexSchema).weight_map));
  if (names.size === 0) throw badConfig(index, 'no weight file is listed');
  return [...names].map(name => {
    if (/[/\\\0]/.test(name))
      throw badConfig(index, `${JSON.stringify(name)} is not the name of a file beside it`);
    const path = join(folder, name);
    if (existsSync(path)) return path;
    const message = `${path} does not exist, ${index} lists it`;
    throw badInput('CHECKPOINT_MISSING_FILE', message, 'Is the checkpoint folder complete?');
  });
}

/** What stands in names where a folder holds weights of another type; without it is looked for first. */
const variants = ['', '.fp16', '.bf16', '.fp32'];

/** Files that hold the weights of a part: `<stem>.safetensors`, a variant of it, or the shards an index lists. */
function weightFiles(folder: string, stem: string): string[] {
  for (const variant of variants) {
    const single = join(folder, `${stem}${variant}.safetensors`);
    if (existsSync(single)) return [single];
    // Diffusers puts the variant at the end of an index's name; some tools put it after the stem.
    const index = [`${stem}.safetensors.index${variant}.json`, `${stem}${variant}.safetensors.index.json`]
      .map(name => join(folder, name))
      .find(existsSync);
    if (index) return shards(folder, index);
  }
  // transformers names its pickles otherwise than its safetensors.
  const pickle = [stem, 'pytorch_model']
    .flatMap(name =>
      ['.bin', '.fp16.bin', '.bin.index.json', '.ckpt', '.pt'].map(end => join(folder, name + end)),
    )
    .find(existsSync);
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

/** What a tensor of a file is called here; undefined for one that no model needs. */
export type NameMap = (name: string) => string | undefined;

/** Opens the weights of a part folder; `stem` is the file name without `.safetensors`. Headers only. */
export function openWeights(
  folder: string,
  stem: string,
  nameOf: NameMap = name => name,
): WeightSource & { readonly files: readonly string[] } {
  const files = weightFiles(folder, stem);
  const located = new Map<string, Located>();
  for (const path of files) {
    const file = openSafetensors(path);
    for (const [key, entry] of file.tensors) {
      const name = nameOf(key);
      if (name === undefined) continue;
      const other = located.get(name);
      if (other)
        throw badConfig(path, `tensor ${key} is there twice, as ${other.entry.name} in ${other.file.path}`);
      located.set(name, { file, entry });
    }
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
    read: name => {
      const { file, entry } = find(name);
      return readTensor(file, entry.name).data;
    },
    bytes: (name): WeightBytes => {
      const { file, entry } = find(name);
      return { path: resolve(file.path), dtype: entry.dtype, offset: entry.offset, length: entry.length };
    },
    inFile: name => ({ name: find(name).entry.name }),
  };
}
