/** @file What metadata say, in groups, for `lora metadata show`. */
import type { SafetensorsFile } from '../../files/index.ts';
import { trainingFacts } from '../inspect/training-facts.ts';
import { type KeyGroup, mandatoryModelspec, metadataKeys } from './keys.ts';
import { findPrivate, type PrivateFinding } from './private.ts';
import { misfitOf } from './values.ts';
import { type FileKind, identify } from './what.ts';

export interface EntryFacts {
  readonly key: string;
  readonly value: string;
  readonly meaning: string;
}

export interface MetadataFacts {
  readonly path: string;
  readonly bytes: number;
  readonly what: FileKind;
  readonly tensors: number;
  readonly dtypes: readonly string[];
  /** Known entries that say something, in the order of their table. */
  readonly groups: Readonly<Partial<Record<KeyGroup, readonly EntryFacts[]>>>;
  /** Keys of known entries that are None or empty. */
  readonly empty: readonly string[];
  readonly tags: ReturnType<typeof trainingFacts>['tags'];
  /** Entries of which nothing is known here. */
  readonly unknown: Readonly<Record<string, string>>;
  readonly private: readonly PrivateFinding[];
  readonly findings: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

const saysNothing = (value: string): boolean => ['', 'None', '{}', 'null'].includes(value);

function groupsOf(metadata: MetadataFacts['metadata']): MetadataFacts['groups'] {
  const groups: Partial<Record<KeyGroup, EntryFacts[]>> = {};
  for (const { key, group, meaning } of metadataKeys.values()) {
    const value = metadata[key];
    if (!Object.hasOwn(metadata, key) || saysNothing(value)) continue;
    groups[group] ??= [];
    groups[group].push({ key, value, meaning });
  }
  return groups;
}

/** Values that no trainer would have printed, and what the standard asks for. */
function findingsOf(metadata: MetadataFacts['metadata']): string[] {
  const misfits = Object.entries(metadata).flatMap(([key, value]) => {
    const facts = metadataKeys.get(key);
    const wrong = facts && value !== '' && misfitOf(facts, value);
    return wrong ? [`${key} is ${JSON.stringify(value.slice(0, 60))}; ${wrong}`] : [];
  });
  const isModelspec = Object.keys(metadata).some(key => key.startsWith('modelspec.'));
  const missing = mandatoryModelspec.filter(key => !Object.hasOwn(metadata, key));
  if (isModelspec && missing.length > 0)
    misfits.push(`the model metadata standard also asks for ${missing.join(', ')}`);
  return misfits;
}

export function describeMetadata(file: SafetensorsFile): MetadataFacts {
  const { path, metadata, tensors, fileSize } = file;
  const entries = Object.entries(metadata);
  const known = entries.filter(([key]) => metadataKeys.has(key));
  return {
    path,
    bytes: fileSize,
    what: identify(file),
    tensors: tensors.size,
    dtypes: [...new Set([...tensors.values()].map(({ dtype }) => dtype))],
    groups: groupsOf(metadata),
    empty: known.filter(([, value]) => saysNothing(value)).map(([key]) => key),
    tags: trainingFacts(metadata).tags,
    unknown: Object.fromEntries(entries.filter(([key]) => !metadataKeys.has(key))),
    private: findPrivate(metadata),
    findings: findingsOf(metadata),
    metadata,
  };
}
