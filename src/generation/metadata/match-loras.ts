/** @file LoRAs that a picture names, found in local folders: by hash, which survives renaming, or else by name. */
import { hashFile, hashTensorData, openSafetensors } from '../../files/index.ts';

export interface WantedLora {
  readonly name: string;
  /** Of the tensor data (AutoV3, 12 digits or more), or 10 digits of the whole file (AutoV2). */
  readonly hash?: string | undefined;
}

export interface MatchedLora {
  readonly wanted: WantedLora;
  readonly path: string;
  /**
   * `hash`: the tensors are those. `claim`: only the file's metadata say so, which A1111 believes. `name`: nothing was
   * known but the name, or no file has the hash.
   */
  readonly by: 'hash' | 'claim' | 'name';
  /** The file is called as wanted, and yet its tensors are others. */
  readonly differs: boolean;
}

export interface LoraMatches {
  readonly found: readonly MatchedLora[];
  readonly missing: readonly WantedLora[];
}

const ending = /\.safetensors$/i;

const plain = (name: string): string => name.replaceAll('\\', '/').replace(ending, '').toLowerCase();
const plainHash = (hash: string): string => hash.trim().toLowerCase().replace(/^0x/, '');

interface LocalFile {
  readonly path: string;
  /** Whole path, lower case, `/` between, no ending. */
  readonly name: string;
  /** Hashes and name that its metadata state. */
  readonly claims: readonly string[];
  readonly alias: string | undefined;
}

function localFile(path: string): LocalFile[] {
  try {
    const { metadata } = openSafetensors(path);
    const claims = [metadata.sshs_model_hash, metadata['modelspec.hash_sha256']];
    return [
      {
        ...{ path, name: plain(path), alias: metadata.ss_output_name?.toLowerCase() },
        claims: claims.flatMap(claim => (claim ? [plainHash(claim)] : [])),
      },
    ];
  } catch {
    return []; // no LoRA, whatever it is called
  }
}

/** AutoV2 is the only hash of ten digits in use; others are of the tensor data. */
const isOfWholeFile = (hash: string): boolean => hash.length === 10;

/**
 * Finds LoRAs among files (`LoraFolders.files`). For each, files whose metadata claim the hash are hashed first, then files of that name, then
 * all others, each file at most once; `onFile` is told of each that is hashed. A LoRA that no file has the hash of is
 * given by claim or by name, and says so.
 */
export async function findLorasByHash(
  wanted: readonly WantedLora[],
  given: readonly string[],
  onFile?: (path: string) => void,
): Promise<LoraMatches> {
  const files = [...new Set(given)]
    .filter(path => ending.test(path))
    .sort()
    .flatMap(localFile);
  const known = new Map<string, Promise<string>>();
  const hashOf = (path: string, whole: boolean): Promise<string> => {
    const key = `${whole} ${path}`;
    const hash = known.get(key) ?? (whole ? hashFile(path) : hashTensorData(path));
    if (!known.has(key)) onFile?.(path);
    known.set(key, hash);
    return hash;
  };
  const match = async (lora: WantedLora): Promise<MatchedLora | undefined> => {
    const name = `/${plain(lora.name)}`;
    const isCalled = (file: LocalFile): boolean =>
      `/${file.name}`.endsWith(name) || file.alias === name.slice(1);
    const called = files.find(isCalled);
    const hash = lora.hash === undefined ? undefined : plainHash(lora.hash);
    if (hash === undefined) return called && { wanted: lora, path: called.path, by: 'name', differs: false };
    const claiming = files.filter(({ claims }) => claims.some(claim => claim.startsWith(hash)));
    const order = new Set([...claiming, ...files.filter(isCalled), ...files]);
    for (const { path } of order)
      if ((await hashOf(path, isOfWholeFile(hash))).startsWith(hash))
        return { wanted: lora, path, by: 'hash', differs: false };
    if (claiming.length > 0) return { wanted: lora, path: claiming[0].path, by: 'claim', differs: true };
    return called && { wanted: lora, path: called.path, by: 'name', differs: true };
  };
  const found: MatchedLora[] = [];
  const missing: WantedLora[] = [];
  for (const lora of wanted) {
    const matched = await match(lora);
    if (matched) found.push(matched);
    else missing.push(lora);
  }
  return { found, missing };
}
