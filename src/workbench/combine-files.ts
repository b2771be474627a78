/** @file Several LoRA files as one file: all ranks side by side, or lower ones. */
import { openProducts, type Products } from '../engine/index.ts';
import type { FloatDType } from '../files/index.ts';
import { loraName } from '../generation/index.ts';
import { type CombinedFile, combineLoras, type LoraFile, type RankRule, writeLora } from '../lora/index.ts';

/** What LoRAs are written as. */
const writtenTypes: readonly FloatDType[] = ['float32', 'float16', 'bfloat16'];

/** The type that most tensors of LoRA files have, of those that are written. */
export function typeOfFiles(files: readonly LoraFile[]): FloatDType {
  const counts = new Map<FloatDType, number>();
  for (const { dtype } of files.flatMap(({ files: parts }) => parts.flatMap(f => [...f.tensors.values()]))) {
    const written = writtenTypes.find(type => type === dtype);
    if (written) counts.set(written, (counts.get(written) ?? 0) + 1);
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return most?.[0] ?? 'float16';
}

/**
 * Products of a few vectors with a large matrix take half a millisecond: a second thread that waits for them takes more
 * from the work between them than it gives (1280×1280, rank 16: 44 ms instead of 115 on a busy machine).
 */
export const openThinProducts = (): Products => openProducts({ threads: 1 });

export interface KeptSummary {
  /** Parts of the energy that modules keep. */
  readonly least: number;
  readonly median: number;
}

export function keptSummary(modules: readonly { readonly kept: number }[]): KeptSummary {
  const kept = modules.map(module => module.kept).sort((a, b) => a - b);
  return { least: kept[0], median: kept[Math.floor(kept.length / 2)] };
}

export interface CombineFilesOptions {
  /** Lower ranks; all ranks side by side unless given. */
  readonly rule?: RankRule | undefined;
  readonly onProgress?: ((done: number, all: number) => void | Promise<void>) | undefined;
  /** As most tensors of the LoRAs are, unless said. */
  readonly dtype?: FloatDType | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Combines and writes; nothing is replaced. Throws COMBINE_* and WRITE_EXISTS. */
export async function combineFiles(
  out: string,
  files: readonly CombinedFile[],
  options: CombineFilesOptions,
) {
  const { rule, onProgress, signal, dtype = typeOfFiles(files.map(({ file }) => file)) } = options;
  const products = openThinProducts();
  const work = combineLoras(files, {
    ...{ rule, products },
    onProgress(done, all) {
      signal?.throwIfAborted();
      return onProgress?.(done, all);
    },
  });
  const { lora, modules, leftOut } = await work.finally(() => products.release());
  const metadata = {
    ...lora.metadata,
    'modelspec.title': loraName(out),
    'modelspec.date': new Date().toISOString().slice(0, 19),
  };
  const blocks = files.some(({ file }) => file.family?.name === 'SDXL') ? 'ldm' : 'diffusers';
  const written = await writeLora(out, { ...lora, metadata }, { dtype, blocks, keepExisting: true });
  return { dtype, written, modules, leftOut, kept: keptSummary(modules) };
}
