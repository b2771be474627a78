/** @file What a merged checkpoint says of itself: which model it was made from and with which LoRAs, by names and hashes. */
import { version } from '../../version.ts';
import type { StrongLora } from './strengths.ts';

type Metadata = Readonly<Record<string, string>>;

/** A LoRA that is merged, as metadata call it. */
export interface NamedLora extends StrongLora {
  readonly name: string;
  /** sha256 of its tensor data. */
  readonly hash: string;
}

/** Our own entry: one line of JSON a merge, the latest last. */
export const mergesKey = 'lora_studio.merges';

const unknownHash = '0'.repeat(64);

/** Lines of earlier merges; what is no such list is not gone on with. */
function earlierMerges(metadata: Metadata): unknown[] {
  try {
    const list: unknown = JSON.parse(metadata[mergesKey] ?? '[]');
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}

/** Names in `modelspec.merged_from` stand between commas. */
const listed = (names: readonly string[]): string => names.map(name => name.replaceAll(',', ' ')).join(', ');

function loraEntry({ name, hash, strength, textStrength = strength, blocks }: NamedLora) {
  return { name, hash, strength, textStrength, ...(blocks ? { blocks: Object.fromEntries(blocks) } : {}) };
}

/** A checkpoint file's own metadata with what was merged into it; `baseHash` is the sha256 of the file. */
export function mergedMetadata(
  own: Metadata,
  base: { readonly name: string; readonly isWhole: boolean },
  loras: readonly NamedLora[],
  baseHash: string = unknownHash,
): Metadata {
  const merge = { base: { name: base.name, sha256: baseHash }, loras: loras.map(loraEntry), version };
  const entries = { ...own, [mergesKey]: JSON.stringify([...earlierMerges(own), merge]) };
  // One file of a Diffusers folder is no model: its title is in none of them.
  if (!base.isWhole) return entries;
  const title = own['modelspec.title'] ?? base.name;
  const names = loras.map(({ name }) => name);
  return {
    ...entries,
    'modelspec.title': [title, ...names].join(' + '),
    'modelspec.merged_from': listed([title, ...names]),
  };
}
