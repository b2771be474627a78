/** @file Finds the runs in a folder and below it: by their journals, and by run states without one. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { badInput, LoraError } from '../../errors.ts';
import { openSafetensors } from '../../files/index.ts';
import { runFiles } from './places.ts';

const isRunFolder = (path: string): boolean => existsSync(join(path, runFiles.manifest));

/** Folders of this many levels are looked through. */
const mostLevels = 6;

/** Folders that may not be read hold no runs that could be shown. */
function readFolder(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

/** A run that was interrupted, of which there is its state alone. */
export interface LonelyState {
  readonly path: string;
  /** Finished steps. */
  readonly step: number;
  /** Unix seconds. */
  readonly startedAt: number;
}

function readState(path: string): LonelyState[] {
  try {
    const { step, startedAt } = openSafetensors(path).metadata;
    return [{ path, step: Number(step), startedAt: Number(startedAt) }];
  } catch (error) {
    if (error instanceof LoraError) return []; // not a state
    throw error;
  }
}

export interface FoundRuns {
  /** `.run` folders, in order of their names. */
  readonly folders: readonly string[];
  readonly states: readonly LonelyState[];
}

/** The runs below `root`, itself included; links are not followed. Throws FILE_MISSING. */
export function findRuns(root: string): FoundRuns {
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory())
    throw badInput('FILE_MISSING', `${root} is not a folder`);
  if (isRunFolder(root)) return { folders: [root], states: [] };
  const folders: string[] = [];
  const states: LonelyState[] = [];
  const visit = (folder: string, level: number): void => {
    for (const entry of readFolder(folder)) {
      const path = join(folder, entry.name);
      if (entry.name.endsWith('.run-state')) {
        if (!isRunFolder(path.replace(/-state$/, ''))) states.push(...readState(path));
      } else if (!entry.isDirectory()) continue;
      else if (entry.name.endsWith('.run') && isRunFolder(path)) folders.push(path);
      else if (!entry.name.startsWith('.') && entry.name !== 'node_modules' && level > 0)
        visit(path, level - 1);
    }
  };
  visit(root, mostLevels);
  return { folders, states };
}
