/** @file Metadata set, removed and stripped: pure functions from entries to entries, with notes for the user. */
import { usageError } from '../../errors.ts';
import type { HashKey } from '../../files/index.ts';
import { mandatoryModelspec, metadataKeys } from './keys.ts';
import { findPrivate, withoutPaths } from './private.ts';
import { checkEntry } from './values.ts';

export type Metadata = Readonly<Record<string, string>>;

export interface Edited {
  readonly metadata: Metadata;
  /** What was done beyond what was asked, or is left to do. */
  readonly notes: readonly string[];
}

export interface Changes {
  readonly set: Metadata;
  readonly remove: readonly string[];
}

const isModelspec = (key: string): boolean => key.startsWith('modelspec.');

/** A value without paths, with a note where it had some. Throws where nothing may be left of one. */
function shareable(key: string, value: string): { value: string; notes: string[] } {
  const known = metadataKeys.get(key)?.type;
  const short = known === 'picture' ? value : withoutPaths(value);
  if (short === value) return { value, notes: [] };
  if (short !== undefined) return { value: short, notes: [`${key}: paths were cut down: ${short}`] };
  const hint = 'Give a name instead of a path.';
  throw usageError(
    'METADATA_PRIVATE',
    `${key} is the folder of a user, which is no one else’s to know`,
    hint,
  );
}

/** What the standard asks for and the entries lack. */
function missingModelspec(metadata: Metadata): string[] {
  if (!Object.keys(metadata).some(isModelspec)) return [];
  const missing = mandatoryModelspec.filter(key => !Object.hasOwn(metadata, key));
  if (missing.length === 0) return [];
  return [`the model metadata standard also asks for ${missing.join(', ')}`];
}

/** Paths in entries that were there before. */
function leftPrivate(metadata: Metadata): string[] {
  const keys = [...new Set(findPrivate(metadata).map(({ key }) => key))];
  if (keys.length === 0) return [];
  return [
    `absolute paths stay in ${keys.join(', ')}; \`lora metadata strip --keep-training\` cuts them down`,
  ];
}

/** Sets and removes entries. Throws usage errors for names and values that cannot be. */
export function editMetadata(before: Metadata, { set, remove }: Changes): Edited {
  const notes: string[] = [];
  const entries = new Map(Object.entries(before));
  for (const key of remove) {
    if (!entries.delete(key)) throw usageError('METADATA_NO_ENTRY', `there is no entry ${key} to remove`);
  }
  for (const [key, given] of Object.entries(set)) {
    checkEntry(key, given);
    const { value, notes: more } = shareable(key, given);
    notes.push(...more);
    entries.set(key, value);
  }
  const standard = 'modelspec.sai_model_spec';
  const hasModelspec = [...entries.keys()].some(isModelspec);
  if (hasModelspec && Object.keys(set).some(isModelspec) && !entries.has(standard))
    entries.set(standard, '1.0.1');
  const metadata = Object.fromEntries(entries);
  return { metadata, notes: [...notes, ...missingModelspec(metadata), ...leftPrivate(metadata)] };
}

/**
 * Takes out what a file does not need to be loaded: all, or with `keepTraining` only what tells of the pictures, the
 * author and the time, and what is not known. Paths in what stays are cut down.
 */
export function stripMetadata(
  before: Metadata,
  { keepTraining }: { readonly keepTraining: boolean },
): Edited & { readonly removed: readonly string[] } {
  const [kept, removed, notes]: [[string, string][], string[], string[]] = [[], [], []];
  for (const [key, value] of Object.entries(before)) {
    const keeping = metadataKeys.get(key)?.keeping ?? 'personal';
    const short = metadataKeys.get(key)?.type === 'picture' ? value : withoutPaths(value);
    if (keeping === 'personal' || (keeping === 'training' && !keepTraining) || short === undefined) {
      removed.push(key);
      continue;
    }
    if (short !== value) notes.push(`${key}: paths were cut down to names`);
    kept.push([key, short]);
  }
  return { metadata: Object.fromEntries(kept), removed, notes };
}

/** The hashes that a file gets: those that it has, those of sd-scripts for a LoRA, and that of the standard it names. */
export function hashKeysOf(metadata: Metadata, isLora: boolean): HashKey[] {
  const has = (key: string): boolean => Object.hasOwn(metadata, key);
  return [
    ...(isLora || has('sshs_model_hash') ? (['sshs_model_hash'] as const) : []),
    ...(isLora || has('sshs_legacy_hash') ? (['sshs_legacy_hash'] as const) : []),
    ...(has('modelspec.sai_model_spec') || has('modelspec.hash_sha256')
      ? (['modelspec.hash_sha256'] as const)
      : []),
  ];
}
