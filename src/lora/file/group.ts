/** @file Sorts the tensors of a file into modules; what belongs to none is told with the reason. */
import type { SafetensorsFile } from '../../files/index.ts';
import type { Role } from '../kinds/module.ts';
import type { Part } from '../names/layers.ts';
import { type ParsedName, parseName } from '../names/namings.ts';
import { type SplitKey, splitKey } from '../names/suffixes.ts';
import type { Source } from './sources.ts';

export interface Skipped {
  readonly key: string;
  readonly reason: string;
}

/** Tensors of one module, by role; `suffix` is the end of a tensor's name as the table of suffixes has it. */
export interface Group {
  readonly source: Source;
  /** The module's name in the file. */
  readonly name: string;
  readonly parsed: ParsedName | undefined;
  readonly keys: Map<Role, string>;
  readonly suffixes: Map<Role, string>;
}

export interface Grouped {
  readonly groups: readonly Group[];
  readonly skipped: Skipped[];
  /** Names of embeddings that OneTrainer put into the file. */
  readonly embeddings: readonly string[];
}

const bundled = /^bundle_emb\.(.+)\.clip_[lgh](?:_out)?$/;

/** Keys with a reason of their own for not being of a module. */
const others: readonly { readonly key: RegExp; readonly reason: string }[] = [
  { key: /\.lora_embedding_[AB](?:\.|$)/, reason: 'a LoRA of token embeddings, which is not supported' },
  { key: bundled, reason: 'an embedding that was put beside the LoRA; embeddings are not used' },
  { key: /^_aux\./, reason: 'bookkeeping of the tool that wrote the file' },
];

/** What has another name for its blocks is another module of the same layer. */
const groupName = ({ module }: SplitKey, parsed: ParsedName | undefined): string =>
  parsed ? `${parsed.part}.${parsed.path} ${parsed.blocks ?? ''}` : module;

/** IA³'s vector ends as every weight of a checkpoint does. */
function isStrayWeight({ role, module }: SplitKey, { tensors }: SafetensorsFile): boolean {
  return role === 'ia3' && !tensors.has(`${module}.on_input`);
}

/** The groups of a layer; of two for the same layer the first is taken. */
function firstOfEach(groups: Iterable<Group>, skipped: Skipped[]): Group[] {
  const byLayer = new Map<string, Group>();
  for (const group of groups) {
    const layer = group.parsed ? `${group.parsed.part}.${group.parsed.path}` : group.name;
    const first = byLayer.get(layer);
    if (!first) byLayer.set(layer, group);
    else
      for (const key of group.keys.values())
        skipped.push({ key, reason: `the file has ${layer} twice, as ${first.name} too` });
  }
  return [...byLayer.values()];
}

/** Puts a key into its group; returns the reason where the group has such a tensor already. */
function join(groups: Map<string, Group>, key: string, split: SplitKey, source: Source): string | undefined {
  const parsed = withPart(parseName(split.module), source.part);
  const name = groupName(split, parsed);
  const group = groups.get(name) ?? {
    ...{ source, name: split.module, parsed },
    ...{ keys: new Map<Role, string>(), suffixes: new Map<Role, string>() },
  };
  groups.set(name, group);
  if (group.keys.has(split.role)) return `a second ${split.role} of ${split.module}`;
  group.keys.set(split.role, key);
  group.suffixes.set(split.role, split.suffix);
  return undefined;
}

function groupSource(source: Source): Grouped {
  const groups = new Map<string, Group>();
  const embeddings = new Set<string>();
  let adapter: string | undefined;
  const place = (key: string): string | undefined => {
    const embedding = bundled.exec(key)?.[1];
    if (embedding) embeddings.add(embedding);
    const other = others.find(({ key: pattern }) => pattern.test(key));
    if (other) return other.reason;
    const split = splitKey(key);
    if (!split || isStrayWeight(split, source.file)) return 'not a tensor of a LoRA';
    adapter ??= split.adapter;
    if (split.adapter !== undefined && split.adapter !== adapter)
      return `of the adapter ${split.adapter}; that of ${adapter} is used`;
    return join(groups, key, split, source);
  };
  const skipped: Skipped[] = [];
  for (const key of source.file.tensors.keys()) {
    const reason = place(key);
    if (reason) skipped.push({ key, reason });
  }
  return { groups: firstOfEach(groups.values(), skipped), skipped, embeddings: [...embeddings] };
}

/** A folder's name says which text encoder `text_model…` is of. */
function withPart(parsed: ParsedName | undefined, part: Part | undefined): ParsedName | undefined {
  if (!parsed || parsed.saysPart || !part || part === 'unet') return parsed;
  return { ...parsed, part, saysPart: true };
}

/** All tensors of the sources, each in a group or skipped. */
export function groupTensors(sources: readonly Source[]): Grouped {
  const parts = sources.map(groupSource);
  return {
    groups: parts.flatMap(({ groups }) => groups),
    skipped: parts.flatMap(({ skipped }) => skipped),
    embeddings: [...new Set(parts.flatMap(({ embeddings }) => embeddings))],
  };
}
