/** @file LoRA files for a checkpoint, read once and kept; another strength of the same file is no other file. */
import { statSync } from 'node:fs';
import {
  type LoadReport,
  type LoraWeights,
  loraBase,
  mainFile,
  parseBlockWeights,
  readLora,
  type StrongLora,
} from '../lora/index.ts';
import type { Checkpoint } from '../models/index.ts';
import { loraName } from './find-lora/lora-folders.ts';
import type { GivenLora } from './find-lora.ts';

export interface LoadOptions {
  /** Any tensor that is not used is an error. */
  readonly strict?: boolean;
  readonly allowNonfinite?: boolean;
  /** Words of the LoRA's own are used too. */
  readonly embeddings?: boolean;
}

export interface LoadedLora extends StrongLora {
  /** The file's. */
  readonly name: string;
  readonly path: string;
  /** Block weights as they were written. */
  readonly blocksText?: string;
  readonly report: LoadReport;
}

/** Reads a LoRA for a checkpoint; see readLora. */
export function loadLoraFor(
  checkpoint: Checkpoint,
  path: string,
  { strict = false, allowNonfinite = false, embeddings = false }: LoadOptions = {},
): { lora: LoraWeights; report: LoadReport } {
  return readLora(path, { ...loraBase(checkpoint), strict, allowNonfinite, embeddings });
}

function asGiven(
  checkpoint: Checkpoint,
  loaded: { lora: LoraWeights; report: LoadReport },
  { path, strength, textStrength, blocks }: GivenLora,
): LoadedLora {
  return {
    ...loaded,
    ...{ name: loraName(path), path, strength },
    ...(textStrength === undefined ? {} : { textStrength }),
    ...(blocks === undefined
      ? {}
      : { blocks: parseBlockWeights(blocks, checkpoint.family), blocksText: blocks }),
  };
}

/** Reads a LoRA that was given with strengths and blocks. */
export const loadGiven = (checkpoint: Checkpoint, given: GivenLora, options: LoadOptions = {}): LoadedLora =>
  asGiven(checkpoint, loadLoraFor(checkpoint, given.path, options), given);

/** More than most prompts have; the oldest is forgotten first. */
const mostKept = 32;

/** A file that was written anew is another one. */
const stampOf = (path: string): string => {
  const { size, mtimeMs, ino } = statSync(mainFile(path));
  return [path, size, mtimeMs, ino].join();
};

/** Reads LoRAs, each file once; `onLoad` hears of each the first time. */
export function openLoraShelf(
  checkpoint: Checkpoint,
  options: LoadOptions,
  onLoad?: (lora: LoadedLora) => void,
): (given: GivenLora) => LoadedLora {
  const kept = new Map<string, { lora: LoraWeights; report: LoadReport }>();
  return given => {
    const stamp = stampOf(given.path);
    const known = kept.get(stamp);
    const loaded = known ?? loadLoraFor(checkpoint, given.path, options);
    kept.delete(stamp); // it becomes the youngest
    kept.set(stamp, loaded);
    const [oldest] = kept.keys();
    if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
    const lora = asGiven(checkpoint, loaded, given);
    if (!known) onLoad?.(lora);
    return lora;
  };
}
