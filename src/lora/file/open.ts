/** @file Opens a LoRA file, or a folder of PEFT, without a base model: its modules, what they are, and how to read one. */
import { LoraError } from '../../errors.ts';
import { holdContents, type SafetensorsFile } from '../../files/index.ts';
import type { LoraModule } from '../kinds/module.ts';
import { type FamilyGuess, familyDisagreement, guessFamily } from '../names/family.ts';
import type { Dialect } from '../names/namings.ts';
import { type LoraEntry, readEntry, toEntry } from './entry.ts';
import { groupTensors, type Skipped } from './group.ts';
import { openSources } from './sources.ts';
import { noLora } from './what-is-it.ts';

export interface OpenLoraOptions {
  /** Read NaN and infinity as they are, instead of refusing them. */
  readonly allowNonfinite?: boolean;
  /** Skip modules that cannot be, with the reason, instead of refusing the file: for programs that show files. */
  readonly tolerant?: boolean;
  /** All tensors will be read: files of up to a gigabyte are read at once. */
  readonly hold?: boolean;
}

const largestHeld = 2 ** 30;

export interface LoraFile {
  readonly path: string;
  /** More than one in a folder with a part in each. */
  readonly files: readonly SafetensorsFile[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Whose names the modules have, the most frequent first; none where they are of no layer of Stable Diffusion. */
  readonly dialects: readonly Dialect[];
  /** Undefined where the tensors do not tell. */
  readonly family: FamilyGuess | undefined;
  readonly modules: readonly LoraEntry[];
  readonly skipped: readonly Skipped[];
  /** Names of textual inversion embeddings that lie beside the modules; they are not used. */
  readonly embeddings: readonly string[];
  /** How many tensors there are in all. */
  readonly tensors: number;
  /** Worth telling: metadata that says otherwise than the tensors … */
  readonly findings: readonly string[];
  read(entry: LoraEntry): LoraModule;
}

const byCount = <T>(values: readonly T[]): T[] => {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([value]) => value);
};

/** The family that a list of modules tells. */
export const familyOf = (modules: readonly LoraEntry[]): FamilyGuess | undefined =>
  guessFamily(modules.flatMap(({ target, shape }) => (target ? [{ target, shape }] : [])));

/** Opens `path`: reads headers and alphas only. Throws LORA_* and FORMAT_* that name the file and the tensor. */
export function openLoraFile(path: string, options: OpenLoraOptions = {}): LoraFile {
  const sources = openSources(path).map(source => {
    const isHeld = options.hold && source.file.fileSize <= largestHeld;
    return isHeld ? { ...source, file: holdContents(source.file) } : source;
  });
  const { groups, skipped, embeddings } = groupTensors(sources);
  const modules: LoraEntry[] = [];
  for (const group of groups) {
    if (group.keys.size === 1 && group.keys.has('alpha')) {
      skipped.push({ key: [...group.keys.values()][0], reason: 'an alpha without a module' });
      continue;
    }
    try {
      modules.push(toEntry(group));
    } catch (error) {
      if (!options.tolerant || !(error instanceof LoraError)) throw error;
      for (const key of group.keys.values()) skipped.push({ key, reason: error.message });
    }
  }
  const files = sources.map(({ file }) => file);
  if (modules.length === 0 && !options.tolerant) throw noLora(files[0]);
  const metadata = Object.assign({}, ...files.map(file => file.metadata)) as Record<string, string>;
  const family = familyOf(modules);
  const disagreement = familyDisagreement(family, metadata);
  return {
    path,
    files,
    metadata,
    dialects: byCount(modules.flatMap(({ dialect }) => (dialect ? [dialect] : []))),
    family,
    modules,
    skipped,
    embeddings,
    tensors: files.reduce((sum, { tensors }) => sum + tensors.size, 0),
    findings: disagreement ? [disagreement] : [],
    read: entry => readEntry(entry, options),
  };
}
