/** @file Adds LoRAs into the weights of a checkpoint, as a new one: ΔW in float32, all added once, rounded once. */
import { addInPlace, type Shape } from '../../engine/index.ts';
import { badInput, usageError } from '../../errors.ts';
import { hashFileInThread, type SafetensorsFile, type WeightDType } from '../../files/index.ts';
import { type Checkpoint, checkRewrite, rewriteCheckpoint, weightsByPart } from '../../models/index.ts';
import type { AppliedModule } from '../attach/combine.ts';
import { biasDelta, changesOf, weightDelta } from '../kinds/delta.ts';
import type { Multiply } from '../kinds/matrices.ts';
import { withProducts } from '../kinds/products.ts';
import { splitTarget } from '../names/namings.ts';
import { mergedMetadata, type NamedLora } from './merge-metadata.ts';
import { isStackable, stackedSum } from './stacked-sum.ts';
import { appliedModules } from './strengths.ts';

export interface MergeOptions {
  /** What weights are rounded to; as they are when left out. */
  readonly dtype?: WeightDType | undefined;
  /** Throw MERGE_NO_BIAS where a LoRA changes a bias that the checkpoint has no place for. */
  readonly strict?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, allBytes: number) => void | Promise<void>;
}

export interface Merged {
  readonly layout: 'single file' | 'folder';
  readonly bytes: number;
  /** Weights and biases that are not those of the base. */
  readonly changed: number;
  /** What the result does not have, and why. */
  readonly notes: readonly string[];
}

/** Modules by the parameter that they change: `unet.conv_in.weight`. */
type Changes = ReadonlyMap<string, readonly AppliedModule[]>;

function changesByName(modules: readonly AppliedModule[]): Changes {
  const changes = new Map<string, AppliedModule[]>();
  for (const applied of modules) {
    if (applied.strength === 0) continue;
    const { weight, bias } = changesOf(applied.module);
    const { target } = applied.module;
    for (const name of [...(weight ? [`${target}.weight`] : []), ...(bias ? [`${target}.bias`] : [])])
      changes.set(name, [...(changes.get(name) ?? []), applied]);
  }
  if (changes.size > 0) return changes;
  throw usageError('MERGE_NOTHING', 'nothing is merged: every strength is 0', 'Give other strengths.');
}

/** Names whose parameter the checkpoint has, and those of biases that it has not. */
function placed(checkpoint: Checkpoint, changes: Changes): { changed: Set<string>; missing: string[] } {
  const parts = weightsByPart(checkpoint);
  const has = (name: string): boolean => {
    const { part, path } = splitTarget(name);
    return parts.get(part)?.has(path) === true;
  };
  const names = [...changes.keys()];
  return { changed: new Set(names.filter(has)), missing: names.filter(name => !has(name)) };
}

function notesOn(missing: readonly string[], strict: boolean | undefined): string[] {
  if (missing.length === 0) return [];
  const more = missing.length > 1 ? ` and ${missing.length - 1} more` : '';
  const what = `a LoRA changes ${missing[0]}${more}, which a checkpoint has no place for`;
  if (!strict) return [`${what}; it is left out`];
  throw badInput('MERGE_NO_BIAS', what, 'Without --strict it is left out.');
}

function sumOf(deltas: readonly Float32Array[]): Float32Array {
  if (deltas.length === 1) return deltas[0];
  const sum = deltas[0].slice();
  for (const delta of deltas.slice(1)) addInPlace(sum, delta);
  return sum;
}

/** What all modules add to a weight or bias: each ΔW is one of the base's own numbers, and they are added at once. */
async function* additions(
  name: string,
  shape: Shape,
  base: () => Float32Array,
  modules: readonly AppliedModule[],
  multiply: Multiply,
) {
  const isBias = name.endsWith('.bias');
  if (!isBias && modules.every(isStackable)) return yield* stackedSum(modules, shape, multiply);
  const deltas: Float32Array[] = [];
  for (const { module, strength } of modules) {
    const delta = isBias
      ? biasDelta(module, strength)
      : await weightDelta(module, { strength, shape, base, multiply });
    if (delta) deltas.push(delta);
  }
  if (deltas.length > 0) yield { start: 0, numbers: sumOf(deltas) };
}

/**
 * Products of a small rank wait for memory, not for the processor, and threads that wait for work would take it from
 * the hash.
 */
const forSmallRanks = { threads: 1 } as const;

/** Hashes of the base's files, computed while the result is written. */
function startHashes() {
  const running: ReturnType<typeof hashFileInThread>[] = [];
  return {
    of(path: string): Promise<string> {
      const threaded = hashFileInThread(path);
      running.push(threaded);
      return threaded.hash;
    },
    stop: () => Promise.all(running.map(one => one.stop())),
  };
}

/**
 * Writes `checkpoint` with LoRAs merged into it to `out`, in its layout and under its names; the checkpoint itself stays
 * as it is. Throws MERGE_NOTHING, WEIGHT_TOO_LARGE with the tensor that a type cannot hold, and what writing throws;
 * then nothing is left behind.
 */
export async function mergeIntoCheckpoint(
  checkpoint: Checkpoint,
  out: string,
  loras: readonly NamedLora[],
  options: MergeOptions = {},
): Promise<Merged> {
  checkRewrite(checkpoint, out);
  const { dtype, strict, signal, onProgress } = options;
  const changes = changesByName(appliedModules(loras, checkpoint.family));
  const { changed, missing } = placed(checkpoint, changes);
  const notes = notesOn(missing, strict);
  const hashes = startHashes();
  const metadata = (file: SafetensorsFile) => {
    const base = { name: checkpoint.name, isWhole: file.path === checkpoint.path };
    const hash = hashes.of(file.path);
    return {
      entries: mergedMetadata(file.metadata, base, loras),
      late: async () => mergedMetadata(file.metadata, base, loras, await hash),
    };
  };
  try {
    const rewrite = (multiply: Multiply) =>
      rewriteCheckpoint(checkpoint, out, {
        ...(dtype ? { dtype } : {}),
        ...(signal ? { signal } : {}),
        ...(onProgress ? { onProgress } : {}),
        changed,
        change: (name, shape, base) =>
          additions(name, shape, base, changes.get(name) as readonly AppliedModule[], multiply),
        metadata,
      });
    const result = await withProducts(rewrite, forSmallRanks);
    return { ...result, changed: changed.size, notes: [...notes, ...result.notes] };
  } finally {
    await hashes.stop();
  }
}
