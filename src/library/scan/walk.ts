/** @file What lies in a folder of the library: files of models, folders that are one model, and side files beside them. */
import { type Dirent, readdirSync, realpathSync, type Stats } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { isLoraFolder } from '../../lora/index.ts';
import type { Pace } from './pace.ts';
import { reasonOf, statOf } from './stat-of.ts';

export interface FoundModel {
  readonly path: string;
  /** The folder within that of the library, with `/`. */
  readonly place: string;
  /** Of the file or folder, with its ending. */
  readonly fileName: string;
  readonly is: 'file' | 'checkpoint-folder' | 'lora-folder';
  readonly bytes: number;
  readonly modified: number;
  /** Changes when the file does. */
  readonly stamp: string;
  /** Side files that may be of it. */
  readonly siblings: readonly string[];
  /** Changes when one of them does. */
  readonly sides: string;
}

export interface Walked {
  readonly models: readonly FoundModel[];
  /** What was not looked into, and why. */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

const modelEnd = /\.(?:safetensors|ckpt|pt|pth|bin)$/i;
/** What trainers put beside models. */
const notModels =
  /^(?:optimizer|scheduler|scaler|training_args|rng_state.*|random_states.*|pytorch_model.*|model_index)\.(?:bin|pt|pth|ckpt)$/i;
/** Files that say something of the model that they are called like. */
const sideEnd = /\.(?:json|civitai\.info|info|txt|md|ya?ml|png|jpe?g|webp|gif|avif)$/i;
/** Nothing of the user's is in these. */
const leftOut = /^(?:\..*|node_modules|venv|__pycache__|site-packages)$/;
const deepest = 24;

const isModelName = (name: string): boolean =>
  modelEnd.test(name) && !notModels.test(name) && !name.startsWith('.');

const stampOf = ({ size, mtimeMs, ino }: Stats): string => `${size} ${mtimeMs} ${ino}`;

/** Model name without ending → names beside it that begin with it and a point. */
function groupSides(stems: Iterable<string>, names: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>([...stems].map(stem => [stem, []]));
  for (const name of names)
    for (let dot = name.indexOf('.', 1); dot > 0; dot = name.indexOf('.', dot + 1))
      groups.get(name.slice(0, dot))?.push(name);
  return groups;
}

function sidesStamp(folder: string, names: readonly string[]): string {
  return names
    .map(name => {
      const { facts } = statOf(join(folder, name));
      return facts ? `${name} ${facts.size} ${facts.mtimeMs}` : name;
    })
    .join('\n');
}

/** A folder that is one model, as a scan finds it. */
export function modelFolder(
  path: string,
  is: FoundModel['is'],
  { place, siblings }: Pick<FoundModel, 'place' | 'siblings'> = { place: '', siblings: [] },
): FoundModel {
  const files = filesInside(path);
  return {
    ...{ path, fileName: basename(path), is, place, siblings },
    bytes: files.reduce((sum, { facts }) => sum + facts.size, 0),
    modified: Math.round(files.reduce((latest, { facts }) => Math.max(latest, facts.mtimeMs), 0)),
    stamp: files.map(file => `${relative(path, file.path)} ${stampOf(file.facts)}`).join('\n'),
    sides: sidesStamp(dirname(path), siblings),
  };
}

interface Entry {
  readonly name: string;
  readonly is: 'file' | 'folder';
}

/** A folder that may not be read has nothing in it. */
function listed(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Files of a folder that is one model, for its size and stamp: two levels are enough for both layouts. */
function filesInside(folder: string, depth = 2): { path: string; facts: Stats }[] {
  return listed(folder).flatMap(entry => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return depth > 1 ? filesInside(path, depth - 1) : [];
    const { facts } = statOf(path);
    return facts?.isFile() && /\.(?:safetensors|json|bin)$/i.test(entry.name) ? [{ path, facts }] : [];
  });
}

/** A folder that is one model, not a folder of models. */
function wholeModel(folder: string, entries: readonly Entry[]): FoundModel['is'] | undefined {
  const has = (name: string, is: Entry['is']): boolean =>
    entries.some(entry => entry.name === name && entry.is === is);
  if (has('model_index.json', 'file')) return 'checkpoint-folder';
  if (has('adapter_config.json', 'file')) return 'lora-folder';
  const hasParts = has('unet', 'folder') || has('text_encoder', 'folder');
  const hasFile = has('pytorch_lora_weights.safetensors', 'file');
  return hasParts && !hasFile && isLoraFolder(folder) ? 'lora-folder' : undefined;
}

/** Undefined for what went away meanwhile. */
function realOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

export interface WalkOptions {
  readonly pace: Pace;
  /** Folders of the library inside this one, which are walked on their own. */
  readonly others: ReadonlySet<string>;
}

/** Walks a folder of the library; throws where it cannot be read itself. Links are followed where they stay inside it, and no folder is looked into twice. */
export async function walk(root: string, { pace, others }: WalkOptions): Promise<Walked> {
  const models: FoundModel[] = [];
  const skipped: { path: string; reason: string }[] = [];
  const seen = new Set<string>();
  const realRoot = realpathSync(root);
  const isInside = (real: string): boolean => real === realRoot || real.startsWith(realRoot + sep);

  const kindOf = (folder: string, entry: Dirent): Entry['is'] | undefined => {
    if (entry.isFile()) return 'file';
    if (entry.isDirectory()) return 'folder';
    if (!entry.isSymbolicLink()) return undefined;
    const path = join(folder, entry.name);
    const { facts, reason } = statOf(path);
    if (reason !== undefined) skipped.push({ path, reason });
    const is = facts?.isFile() ? 'file' : facts?.isDirectory() ? 'folder' : undefined;
    if (!is || (is === 'file' && !modelEnd.test(entry.name) && !sideEnd.test(entry.name))) return undefined;
    const real = realOf(path);
    if (real !== undefined && isInside(real)) return is;
    skipped.push({ path, reason: 'a link that leads out of the folder; add the folder that it leads to' });
    return undefined;
  };

  const entriesOf = (folder: string): Entry[] => {
    let entries: Dirent[];
    try {
      entries = readdirSync(folder, { withFileTypes: true });
    } catch (error) {
      if (folder === root) throw error;
      skipped.push({ path: folder, reason: reasonOf(error) });
      return [];
    }
    return entries.flatMap(entry => {
      const is = leftOut.test(entry.name) ? undefined : kindOf(folder, entry);
      return is ? [{ name: entry.name, is }] : [];
    });
  };

  const placeOf = (folder: string): string => relative(root, folder).replaceAll('\\', '/');

  const addFile = (folder: string, name: string, siblings: readonly string[]): void => {
    const path = join(folder, name);
    const { facts, reason } = statOf(path);
    if (reason !== undefined) skipped.push({ path, reason });
    if (!facts) return;
    models.push({
      ...{ path, fileName: name, is: 'file', place: placeOf(folder), bytes: facts.size },
      ...{ modified: Math.round(facts.mtimeMs), stamp: stampOf(facts) },
      ...{ siblings, sides: sidesStamp(folder, siblings) },
    });
  };

  const look = async (folder: string, entries: readonly Entry[], depth: number): Promise<void> => {
    const files = entries.flatMap(({ name, is }) => (is === 'file' ? [name] : []));
    const folders = entries.flatMap(({ name, is }) => (is === 'folder' ? [name] : []));
    const modelFiles = files.filter(isModelName);
    const stems = [...modelFiles.map(name => name.replace(modelEnd, '')), ...folders];
    const sides = groupSides(
      stems,
      files.filter(name => sideEnd.test(name)),
    );
    for (const name of modelFiles) {
      addFile(folder, name, sides.get(name.replace(modelEnd, '')) ?? []);
      if (pace.isDue()) await pace.rest();
    }
    for (const name of folders) {
      const path = join(folder, name);
      const real = realOf(path);
      if (others.has(path) || real === undefined || seen.has(real)) continue;
      seen.add(real);
      const inside = entriesOf(path);
      const is = wholeModel(path, inside);
      if (is) models.push(modelFolder(path, is, { place: placeOf(folder), siblings: sides.get(name) ?? [] }));
      else if (depth < deepest) await look(path, inside, depth + 1);
      else skipped.push({ path, reason: `more than ${deepest} folders deep` });
      if (pace.isDue()) await pace.rest();
    }
  };

  seen.add(realRoot);
  await look(root, entriesOf(root), 1);
  return { models, skipped };
}
