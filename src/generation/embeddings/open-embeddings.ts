/** @file Folders of textual inversions: names without opening files, and each file read once, when it is asked for. */
import { basename, extname } from 'node:path';
import { badInput, usageError } from '../../errors.ts';
import { printable } from '../../files/index.ts';
import { joinListings, type ListedFile, leadsOut, listUsual } from '../find-lora/listing.ts';
import { nearHint } from '../find-lora/near-names.ts';
import { type EmbeddingFile, readEmbedding } from './read-embedding.ts';

/** Of two files that differ in this only, the first is taken: they are copies for other programs. */
const endings = ['.safetensors', '.pt', '.bin'];
/** Where A1111 and Forge keep them below their own folder, and ComfyUI. */
const usualFolders = ['embeddings', 'models/embeddings'];
/** What diffusers calls the file of any token. */
const anyToken = /^learned_embeds(?:-.*)?\.(?:bin|safetensors)$/i;

export interface Embeddings {
  /** What files are called, without folder and ending. */
  names(): readonly string[];
  /** By name, with as much of the path as makes it clear; undefined where there is none. Throws EMBEDDING_AMBIGUOUS. */
  find(name: string): EmbeddingFile | undefined;
  /** By the token that diffusers' files carry in them, e.g. `<cat-toy>`. */
  findToken(token: string): EmbeddingFile | undefined;
  /** EMBEDDING_NOT_FOUND, with near names. */
  missing(reference: string, name: string): Error;
}

const stemOf = ({ path }: ListedFile): string => basename(path, extname(path));
const nameOf = ({ inFolder }: ListedFile): string => inFolder.slice(0, -extname(inFolder).length);
const rankOf = ({ path }: ListedFile): number => endings.indexOf(extname(path).toLowerCase());

/** One of each name in each folder. */
function withoutCopies(files: readonly ListedFile[]): ListedFile[] {
  const byName = new Map<string, ListedFile>();
  for (const file of files) {
    const name = file.path.slice(0, -extname(file.path).length);
    const before = byName.get(name);
    if (!before || rankOf(file) < rankOf(before)) byName.set(name, file);
  }
  return [...byName.values()];
}

const plain = (name: string): string => name.replaceAll('\\', '/').replace(/\.(?:safetensors|pt|bin)$/i, '');

function calledBy(wanted: string, files: readonly ListedFile[]): ListedFile[] {
  const name = plain(wanted);
  if (name === '' || leadsOut(name)) return [];
  const matches = (fold: (text: string) => string): ListedFile[] =>
    files.filter(file => `/${fold(nameOf(file))}`.endsWith(`/${fold(name)}`));
  const exact = matches(text => text);
  return exact.length > 0 ? exact : matches(text => text.toLowerCase());
}

/** Opens folders of embeddings; they are listed at the first question. */
export function openEmbeddings(folders: readonly string[]): Embeddings {
  let files: readonly ListedFile[] | undefined;
  const listed = (): readonly ListedFile[] => {
    files ??= withoutCopies(joinListings(folders.map(path => listUsual(path, usualFolders, endings))).files);
    return files;
  };
  const read = new Map<string, EmbeddingFile>();
  const open = (path: string): EmbeddingFile => {
    const file = read.get(path) ?? readEmbedding(path);
    read.set(path, file);
    return file;
  };
  const only = (name: string, paths: readonly string[]): EmbeddingFile | undefined => {
    if (paths.length <= 1) return paths.length === 0 ? undefined : open(paths[0]);
    const message = `the embedding ${printable(name)} could be ${paths.slice(0, 10).join(' or ')}`;
    throw usageError('EMBEDDING_AMBIGUOUS', message, 'Write more of the path: embedding:folder/name.');
  };
  return {
    names: () => [...new Set(listed().map(stemOf))],
    find: name =>
      only(
        name,
        calledBy(name, listed()).map(({ path }) => path),
      ),
    findToken(token) {
      const carriers = listed().filter(({ path }) => anyToken.test(basename(path)));
      return only(
        token,
        carriers.map(({ path }) => path).filter(path => open(path).token === token),
      );
    },
    missing(reference, name) {
      const none =
        folders.length === 0 ? 'No folder of embeddings is given.' : `Looked in ${folders.join(', ')}.`;
      const hint = nearHint(plain(name), listed().map(stemOf), none);
      return badInput('EMBEDDING_NOT_FOUND', `no embedding is called ${printable(reference)}`, hint);
    },
  };
}
