/** @file Run states on disk in two generations: whatever happens to the newest, the one before is there. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { badInput, LoraError } from '../../errors.ts';
import {
  canonicalOrder,
  disk,
  removeLeftovers,
  safetensorsHeader,
  writeAtomically,
  writeWhole,
} from '../../files/index.ts';
import { previousStatePath, type RunState } from '../run-state.ts';
import { readState } from './decode.ts';
import { encodeState } from './encode.ts';

/** Whether a run left a state in `path`, its newest or the one before. */
export const hasRunState = (path: string): boolean => existsSync(path) || existsSync(previousStatePath(path));

/**
 * Writes the state atomically, without a copy of it in memory: after a crash there is the old or the new one, never half.
 * What was there becomes the previous one, unless it is `damaged` and the previous one is worth more.
 */
export async function saveRunState(
  path: string,
  state: RunState,
  { damaged = false }: { readonly damaged?: boolean } = {},
): Promise<void> {
  const { tensors, metadata } = encodeState(state);
  const sorted = canonicalOrder(tensors);
  const fill = async (file: Parameters<typeof writeWhole>[0]): Promise<void> => {
    await writeWhole(file, safetensorsHeader(sorted, metadata));
    for (const { bytes } of sorted) await writeWhole(file, bytes);
  };
  await writeAtomically(path, fill, { previous: damaged ? undefined : previousStatePath(path) });
}

export interface FoundState {
  readonly state: RunState;
  /** The newest is damaged, and this is the one before; in words. */
  readonly damage?: string;
}

/** Reads the newest state that is whole; `undefined` when there is none. Throws RUN_STATE_OTHER when it belongs to another run. */
export function loadRunState(path: string, fingerprint: string): FoundState | undefined {
  const found = loadWhole(path);
  if (!found) return undefined;
  if (found.state.fingerprint === fingerprint) return found;
  const hint = 'Resume with the same pictures, recipe and base, or give another --out.';
  throw badInput('RUN_STATE_OTHER', `${path} belongs to a run with another recipe, data set or base`, hint);
}

function loadWhole(path: string): FoundState | undefined {
  const previous = previousStatePath(path);
  if (!existsSync(path)) return existsSync(previous) ? { state: readState(previous) } : undefined;
  try {
    return { state: readState(path) };
  } catch (error) {
    if (!(error instanceof LoraError) || !error.code.startsWith('RUN_STATE_') || !existsSync(previous))
      throw error;
    const state = readState(previous);
    return {
      state,
      damage: `${error.message}; the run goes on from ${basename(previous)}, after step ${state.step}`,
    };
  }
}

/** Deletes what a run that is done has left of its states. The newest goes last: it alone would still tell of the run. */
export async function removeRunStates(path: string): Promise<void> {
  for (const one of [previousStatePath(path), path]) await disk.rm(one, { force: true });
  await removeLeftovers(path);
}
