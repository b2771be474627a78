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

/** Numbers of LoRAs that are kept, four bytes each; the oldest is forgotten first. */
const mostKept = 2 ** 29;

const numbersIn = ({ modules }: LoraWeights): number =>
  modules
    .flatMap(({ tensors }) => Object.values(tensors))
    .reduce((sum, tensor) => sum + (tensor?.data.length ?? 0), 0);

/** Tells files apart; one that was written anew is another one. */
export const fileStamp = (path: string): string => {
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
  const told = new Set<string>();
  let total = 0;
  return given => {
    const stamp = fileStamp(given.path);
    const known = kept.get(stamp);
    const loaded = known ?? loadLoraFor(checkpoint, given.path, options);
    kept.delete(stamp); // it becomes the youngest
    kept.set(stamp, loaded);
    if (!known) total += numbersIn(loaded.lora);
    for (const [oldest, { lora }] of kept) {
      if (total <= mostKept || oldest === stamp) break;
      kept.delete(oldest);
      total -= numbersIn(lora);
    }
    const lora = asGiven(checkpoint, loaded, given);
    if (!told.has(stamp)) onLoad?.(lora);
    told.add(stamp);
    return lora;
  };
}
