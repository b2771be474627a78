/** @file Whether the hashes that a file states are those of its tensors: an edited file often keeps those of another. */
import {
  type HashKey,
  hashByName,
  hashKeys,
  type ModelHashes,
  modelHashes,
  type SafetensorsFile,
} from '../../files/index.ts';

export interface HashFacts {
  readonly key: HashKey;
  /** What the file says; undefined where it says nothing. */
  readonly stated: string | undefined;
  readonly actual: string;
  /** Undefined where nothing is stated. */
  readonly isTrue: boolean | undefined;
}

const bare = (hash: string): string => hash.trim().toLowerCase().replace(/^0x/, '');

/** OneTrainer's order gives another hash for files whose tensors are not sorted by name. */
async function isByName(file: SafetensorsFile, key: HashKey, stated: string): Promise<boolean> {
  return key === 'modelspec.hash_sha256' && bare(stated) === bare(await hashByName(file));
}

async function check(file: SafetensorsFile, key: HashKey, hashes: ModelHashes): Promise<HashFacts> {
  const actual = hashKeys[key](hashes);
  const stated = file.metadata[key] || undefined;
  if (stated === undefined) return { key, stated, actual, isTrue: undefined };
  return {
    ...{ key, stated, actual },
    isTrue: bare(stated) === bare(actual) || (await isByName(file, key, stated)),
  };
}

/** Reads the whole file. */
export async function checkHashes(
  file: SafetensorsFile,
  onBytes?: (bytes: number) => void,
): Promise<HashFacts[]> {
  const hashes = await modelHashes(file, file.metadata, onBytes);
  const facts: HashFacts[] = [];
  for (const key of Object.keys(hashKeys) as HashKey[]) facts.push(await check(file, key, hashes));
  return facts;
}
