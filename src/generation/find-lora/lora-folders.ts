/** @file From what a user calls a LoRA to its file, in folders that are listed once. */
import { realpathSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { badInput, usageError } from '../../errors.ts';
import { printable } from '../../files/index.ts';
import { mainFile } from '../../lora/index.ts';
import { type HeaderFacts, headerFacts } from './header-facts.ts';
import { joinListings, type Listing, leadsOut, listUsual } from './listing.ts';
import { nearHint, shownFolders } from './near-names.ts';
import { hashesOfFile } from './tensor-hash.ts';

const ending = '.safetensors';
/** Pickles, which are not opened; they are listed so that an error can name them. */
const pickled = ['.pt', '.ckpt', '.bin', '.pth'];
/** Where A1111 and Forge (the first two) and ComfyUI keep them, in a folder `models`. */
const usualFolders = ['Lora', 'LyCORIS', 'loras'];
/** Seen from that folder or from the one around it; other folders are looked through. */
const usualIn = (folder: string): string[] =>
  basename(resolve(folder)) === 'models' ? usualFolders : usualFolders.map(name => `models/${name}`);

/** What a LoRA is called by its file. */
export const loraName = (path: string): string => basename(path).replace(/\.safetensors$/i, '');

export interface LoraFolders {
  /**
   * The file, or the folder that PEFT or Diffusers wrote, of a name: that of the file, with as much of its path as makes
   * it clear and with or without ending; the name given at training (`ss_output_name`); or `hash:` with the first 8 or
   * more digits of its hash. Of copies it is the first. Throws LORA_NOT_FOUND with near names, LORA_AMBIGUOUS with all
   * that it could be.
   */
  find(name: string): string;
  /**
   * The file or folder with this hash (8 digits or more, of its tensors or of the whole file), whatever it is called; those
   * called `name` are read first. `isClaim`: only its metadata say so, which A1111 believes.
   */
  byHash(hash: string, name: string): { readonly path: string; readonly isClaim: boolean } | undefined;
  /** All files, absolute. */
  files(): readonly string[];
  /** Names alone are looked for, no paths: whoever gives them may not know what else lies on this machine. */
  readonly namesOnly: boolean;
}

interface Candidate {
  readonly path: string;
  /** Below its folder, with `/`, without ending. */
  readonly name: string;
}

/** How a name that several files have is looked at. */
interface Meaning {
  /** Behind the list of what it could be. */
  readonly what?: string;
  readonly copies?: 'file' | 'tensors';
  readonly hint?: string;
}

/** Folders of PEFT and Diffusers count as one LoRA, called like the folder. */
const adapterConfig = 'adapter_config.json';
const diffusersFile = 'pytorch_lora_weights.safetensors';
const partFolder = /\/(?:unet|text_encoder|text_encoder_2)$/;

function candidatesOf({ files, folders }: Listing): Candidate[] {
  const whole = new Map<string, string>();
  for (const { path, inFolder, holds } of folders) {
    if (inFolder === '' || !(holds.includes(adapterConfig) || holds.includes(diffusersFile))) continue;
    const isPart = partFolder.test(inFolder.replace(/^/, '/')) && inFolder.includes('/');
    const [name, at] = isPart
      ? [inFolder.replace(partFolder, ''), path.replace(/[\\/][^\\/]+$/, '')]
      : [inFolder, path];
    whole.set(at, name);
  }
  const isInside = (path: string): boolean => {
    for (
      let at = path.length;
      at > 0;
      at = Math.max(path.lastIndexOf('/', at - 1), path.lastIndexOf('\\', at - 1))
    )
      if (whole.has(path.slice(0, at))) return true;
    return false;
  };
  const single = files.filter(({ path }) => path.toLowerCase().endsWith(ending) && !isInside(path));
  return [
    ...[...whole].map(([path, name]) => ({ path, name })),
    ...single.map(({ path, inFolder }) => ({ path, name: inFolder.slice(0, -ending.length) })),
  ];
}

const plain = (name: string): string => name.replaceAll('\\', '/').replace(/\.safetensors$/i, '');

/** Called `wanted` from some folder on; `./` in front means the whole path. */
function calledBy(wanted: string, candidates: readonly Candidate[]): Candidate[] {
  const name = plain(wanted);
  const matches = (fold: (text: string) => string): Candidate[] => {
    const whole = fold(name.replace(/^\.\//, ''));
    return candidates.filter(candidate =>
      name.startsWith('./')
        ? fold(candidate.name) === whole
        : `/${fold(candidate.name)}`.endsWith(`/${whole}`),
    );
  };
  const exact = matches(text => text);
  return exact.length > 0 ? exact : matches(text => text.toLowerCase());
}

const remembered = <T>(read: (path: string) => T): ((path: string) => T) => {
  const known = new Map<string, T>();
  return path => {
    if (!known.has(path)) known.set(path, read(path));
    return known.get(path) as T;
  };
};

/** The file that has the hash: of a folder, the one with its tensors. */
function hashedFile(path: string): string {
  try {
    return mainFile(path);
  } catch {
    return path; // a damaged folder has none
  }
}

/** More bytes than this are not read to find a hash: some 100 files of SDXL. */
const mostHashedBytes = 32 * 2 ** 30;

/** Files by hash: those that state it are read first, then those that state none, then the others. */
function calledByHash(
  hash: string,
  candidates: readonly Candidate[],
  headerOf: (path: string) => HeaderFacts,
  hashes: typeof hashesOfFile,
): { hits: Candidate[]; claims: Candidate[]; unread: number } {
  const isHash = (path: string): boolean => {
    const own = hashes(hashedFile(path));
    return own !== undefined && (own.tensors.startsWith(hash) || own.file.startsWith(hash));
  };
  const rank = ({ path }: Candidate): number => {
    const { stated } = headerOf(hashedFile(path));
    return stated === undefined ? 1 : stated.startsWith(hash) ? 0 : 2;
  };
  const ranked = candidates.map(candidate => ({ candidate, rank: rank(candidate) }));
  const claims = ranked.filter(({ rank }) => rank === 0).map(({ candidate }) => candidate);
  const hits = claims.filter(({ path }) => isHash(path));
  if (hits.length > 0) return { hits, claims, unread: 0 };
  let left = mostHashedBytes;
  let unread = 0;
  const others = ranked.filter(({ rank }) => rank > 0).sort((a, b) => a.rank - b.rank);
  for (const { candidate } of others) {
    left -= statSync(hashedFile(candidate.path)).size;
    if (left < 0) unread++;
    else if (isHash(candidate.path)) hits.push(candidate);
  }
  return { hits, claims, unread };
}

/** Opens folders of LoRAs: they are listed at the first question, headers read when a name asks for them. */
export function openLoraFolders(
  folders: readonly string[],
  { namesOnly = false }: { readonly namesOnly?: boolean } = {},
): LoraFolders {
  let listing: Listing | undefined;
  let candidates: Candidate[] | undefined;
  const listed = (): Listing => {
    listing ??= joinListings(folders.map(path => listUsual(path, usualIn(path), [ending, ...pickled])));
    return listing;
  };
  const known = (): Candidate[] => {
    candidates ??= candidatesOf(listed());
    return candidates;
  };
  const headerOf = remembered(headerFacts);
  const hashes = remembered(hashesOfFile);

  const hintFor = (name: string): string => {
    const stem = plain(name).toLowerCase();
    const pickle = listed().files.find(
      ({ inFolder }) =>
        pickled.some(end => inFolder.toLowerCase().endsWith(end)) &&
        `/${inFolder.replace(/\.[^.]*$/, '').toLowerCase()}`.endsWith(`/${stem}`),
    );
    if (pickle) return `${pickle.path} is a pickle, which can run code; convert it to .safetensors.`;
    if (known().length === 0) return `No LoRA files in ${shownFolders(folders)}.`;
    const names = known().flatMap(candidate => [loraName(candidate.path)]);
    return nearHint(
      loraName(plain(name)),
      names,
      `None of ${known().length} LoRAs in ${shownFolders(folders)} is near.`,
    );
  };

  /** Copies of a file: the same bytes, or, where a hash of the tensors was asked for, the same tensors. */
  const areCopies = ([first, ...others]: readonly Candidate[], of: 'file' | 'tensors'): boolean => {
    const size = (path: string): number => statSync(path).size;
    if (of === 'file' && others.some(({ path }) => size(path) !== size(first.path))) return false;
    const hashOf = (path: string): string | undefined =>
      hashes(of === 'tensors' ? hashedFile(path) : path)?.[of];
    const hash = hashOf(first.path);
    return hash !== undefined && others.every(({ path }) => hashOf(path) === hash);
  };

  const wholePath = 'Write more of the path (./ in front for the whole)';
  const only = (
    name: string,
    found: readonly Candidate[],
    { what = '', copies = 'file', hint = `${wholePath}, or hash: with its first 12 digits.` }: Meaning = {},
  ): string => {
    const hits = [...new Map(found.map(hit => [realpathSync(hit.path), hit])).values()];
    if (hits.length === 1 || areCopies(hits, copies)) return hits[0].path;
    const shown = hits.slice(0, 20).map(({ path }) => path);
    if (hits.length > shown.length) shown.push(`one of ${hits.length - shown.length} more`);
    throw usageError('LORA_AMBIGUOUS', `LoRA ${printable(name)} could be ${shown.join(' or ')}${what}`, hint);
  };

  const byHash = (name: string, hash: string): string => {
    if (!/^[0-9a-f]{8,64}$/.test(hash))
      throw usageError(
        'LORA_HASH',
        `LoRA ${printable(name)} has no hash of 8 to 64 digits`,
        'Write hash: and the first 12 digits, as pictures state them.',
      );
    const { hits, unread } = calledByHash(hash, known(), headerOf, hashes);
    if (hits.length > 0) return only(name, hits, { copies: 'tensors', hint: 'Write more digits of it.' });
    const rest = unread === 0 ? '' : `; ${unread} files were not read, since all are too large together`;
    throw badInput(
      'LORA_NOT_FOUND',
      `none of ${known().length} LoRAs has the hash ${hash}${rest}`,
      `Looked in ${shownFolders(folders)}.`,
    );
  };

  return {
    namesOnly,
    byHash(hash, name) {
      const among = (some: readonly Candidate[]) => calledByHash(hash, some, headerOf, hashes);
      const called = among(calledBy(name, known()));
      const { hits, claims } = called.hits.length > 0 ? called : among(known());
      const [first] = [...hits, ...claims];
      return first && { path: first.path, isClaim: hits.length === 0 };
    },
    files: () => known().map(({ path }) => path),
    find(name) {
      const hash = /^hash:\s*(?:0x)?(.*)$/i.exec(name)?.[1];
      if (hash !== undefined) return byHash(name, hash.trim().toLowerCase());
      if (!leadsOut(name)) {
        const hits = calledBy(name, known());
        if (hits.length > 0) return only(name, hits);
        const alias = plain(name).toLowerCase();
        const same = known().filter(({ path }) => headerOf(path).alias === alias);
        if (same.length > 0)
          return only(name, same, { what: ', which were all given that name at training' });
      }
      throw badInput('LORA_NOT_FOUND', `no LoRA is called ${printable(name)}`, hintFor(name));
    },
  };
}
