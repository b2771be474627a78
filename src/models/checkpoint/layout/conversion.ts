/** @file What a conversion is asked for and gives. */
import type { WeightDType } from '../../../files/index.ts';
import type { OpenOptions } from '../checkpoint.ts';
import type { Advance } from './write-tensors.ts';

export interface ConvertOptions {
  /** Parts in place of the checkpoint's own. */
  readonly parts?: OpenOptions;
  /** What weights are rounded to; as they are when left out. */
  readonly dtype?: WeightDType;
  readonly signal?: AbortSignal;
  /** What it promises is waited for. */
  readonly onProgress?: (doneBytes: number, allBytes: number) => void | Promise<void>;
}

export interface Converted {
  readonly layout: 'single file' | 'folder';
  readonly bytes: number;
  /** What the result does not have, and why. */
  readonly notes: readonly string[];
}

/** Counts bytes for the progress of the whole. */
export function advance({ signal, onProgress }: ConvertOptions, all: number): Advance {
  let done = 0;
  const wrote = (bytes: number): void | Promise<void> => {
    done += bytes;
    return onProgress?.(done, all);
  };
  return { wrote, ...(signal ? { signal } : {}) };
}
