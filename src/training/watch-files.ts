/** @file Whether files that a run reads are still what they were when it began. */
import { statSync } from 'node:fs';
import { LoraError } from '../errors.ts';
import type { Checkpoint } from '../models/index.ts';

/** Size, time and identity of a file; undefined when it is gone. */
function traceOf(path: string): string | undefined {
  try {
    const { size, mtimeNs, ino } = statSync(path, { bigint: true });
    return `${size} ${mtimeNs} ${ino}`;
  } catch {
    return undefined;
  }
}

export interface FileWatch {
  /** Those that were changed or are gone, with what happened. */
  changed(): { readonly path: string; readonly why: 'changed' | 'gone' }[];
}

export function watchFiles(paths: Iterable<string>): FileWatch {
  const traces = new Map([...paths].map(path => [path, traceOf(path)]));
  return {
    changed: () =>
      [...traces].flatMap(([path, trace]) => {
        const now = traceOf(path);
        return now === trace
          ? []
          : [{ path, why: now === undefined ? ('gone' as const) : ('changed' as const) }];
      }),
  };
}

/** The files whose weights a run reads while it goes on. */
export function baseFiles({ unet, vae, textEncoder, textEncoder2 }: Checkpoint): string[] {
  return [...new Set([unet, vae, textEncoder, textEncoder2].flatMap(part => part?.files ?? []))];
}

/**
 * Throws CHECKPOINT_CHANGED where a file of the base is no longer what it was. One that was `changed` may have changed the
 * steps since the last look, so they are not kept; one that is `gone` was read to the end.
 */
export function checkBase(watch: FileWatch, why: 'changed' | 'gone', keptStep: number | undefined): void {
  const first = watch.changed().find(file => file.why === why);
  if (!first) return;
  const what = why === 'gone' ? 'was deleted or moved' : 'was replaced or changed';
  const hint =
    keptStep === undefined
      ? 'Nothing was saved yet; start the run anew.'
      : `The run state after step ${keptStep} is kept: --resume goes on from it once the file is as it was.`;
  throw new LoraError('CHECKPOINT_CHANGED', `${first.path} ${what} while the run went on`, { hint });
}
