/** @file LoRAs that a picture names, found in local folders: by hash, which survives renaming, or else by name. */
import { LoraError } from '../../errors.ts';
import type { LoraFolders } from '../find-lora/lora-folders.ts';
import { listedName } from './infotext-of.ts';
import { mentionedLoras } from './lora-mentions.ts';
import type { PictureText } from './read-picture-text.ts';

export interface WantedLora {
  readonly name: string;
  /** Of the tensor data (AutoV3) or of the whole file (AutoV2), 8 digits to all 64. */
  readonly hash?: string | undefined;
}

export interface MatchedLora {
  readonly wanted: WantedLora;
  readonly path: string;
  /**
   * `hash`: the file is that. `claim`: only its metadata say so, which A1111 believes. `name`: nothing was known but the
   * name, or no file has the hash.
   */
  readonly by: 'hash' | 'claim' | 'name';
  /** The file is called as wanted, or says that it is, and yet its hash is another. */
  readonly differs: boolean;
  /** Several files are called so, and no hash tells which: all of them. */
  readonly doubt?: string;
}

export interface LoraMatches {
  readonly found: readonly MatchedLora[];
  readonly missing: readonly WantedLora[];
}

const plain = (name: string): string =>
  `/${name
    .replaceAll('\\', '/')
    .replace(/\.safetensors$/i, '')
    .toLowerCase()}`;

/** What is called so; of several files the first, for the name in a picture cannot be made clearer. */
function calledSo(name: string, folders: LoraFolders): Pick<MatchedLora, 'path' | 'doubt'> | undefined {
  try {
    return { path: folders.find(name) };
  } catch (error) {
    if (!(error instanceof LoraError)) throw error;
    if (error.code === 'LORA_NOT_FOUND') return undefined;
    const path = folders.files().find(file => plain(file).endsWith(plain(name)));
    if (error.code !== 'LORA_AMBIGUOUS' || path === undefined) throw error;
    return { path, doubt: error.message };
  }
}

function match(wanted: WantedLora, folders: LoraFolders): MatchedLora | undefined {
  const { name, hash } = wanted;
  const found = hash === undefined ? undefined : folders.byHash(hash, name);
  if (found && !found.isClaim) return { wanted, path: found.path, by: 'hash', differs: false };
  if (found) return { wanted, path: found.path, by: 'claim', differs: true };
  const called = calledSo(name, folders);
  return called && { wanted, ...called, by: 'name', differs: hash !== undefined };
}

/** Finds LoRAs: each by its hash, where it has one, or else by its name. */
export function findLorasByHash(wanted: readonly WantedLora[], folders: LoraFolders): LoraMatches {
  const matches = wanted.map(lora => ({ lora, matched: match(lora, folders) }));
  return {
    found: matches.flatMap(({ matched }) => matched ?? []),
    missing: matches.filter(({ matched }) => matched === undefined).map(({ lora }) => lora),
  };
}

export interface NamedLoras {
  /** Given beside the prompt. */
  readonly beside: readonly WantedLora[];
  /** Of tags in the prompt, each name once. */
  readonly tagged: readonly WantedLora[];
}

/** What a picture was made with. Our own record has the hashes of those beside the prompt, A1111's text those of tags. */
export function namedLoras({ record, settings: { loras = [] } }: PictureText): NamedLoras {
  const tagged = loras.filter(({ inPrompt }) => inPrompt);
  if (!record) return { beside: loras.filter(({ inPrompt }) => !inPrompt), tagged };
  const hashes = new Map(
    tagged.flatMap(({ name, hash }) => (hash === undefined ? [] : [[listedName(name), hash]])),
  );
  return { beside: record.settings.loras, tagged: mentionedLoras(record.settings.prompt, hashes) };
}
