/** @file The pictures of a data set with their captions, as training reads them; what has not changed is not read again. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, extname, join, relative, sep } from 'node:path';
import {
  type CaptionClaims,
  describeCaption,
  isSkip,
  listSource,
  mapInOrder,
  plainRules,
} from '../../dataset/index.ts';
import { LoraError } from '../../errors.ts';
import type { FactsCache, Fault, KeptFacts } from './facts-cache.ts';
import { headerFacts } from './picture-facts.ts';

export interface DatasetPicture {
  /** 16 hex digits of the sha256 of `place`. */
  readonly id: string;
  /** Within the data set's folder, with `/`. */
  readonly place: string;
  readonly path: string;
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  readonly changedAt: number;
  readonly caption: string;
  /** `txt`, `metadata` …; undefined where nobody wrote one. */
  readonly captionSource?: string | undefined;
  /** Files that hold it. */
  readonly captionFiles: readonly string[];
  readonly fault?: Fault | undefined;
}

export interface DatasetListing {
  readonly pictures: readonly DatasetPicture[];
  readonly byId: ReadonlyMap<string, DatasetPicture>;
  readonly bytes: number;
  readonly changedAt: number;
}

/** Sources of captions that nobody wrote. */
const unwritten: ReadonlySet<string> = new Set(['none', 'trigger', 'given', 'file name']);

export const pictureIdOf = (place: string): string =>
  createHash('sha256').update(place).digest('hex').slice(0, 16);

interface FileState {
  readonly key: string;
  readonly size: number;
  readonly changedAt: number;
}

function stateOf(path: string): FileState | undefined {
  const facts = statSync(path, { throwIfNoEntry: false });
  if (!facts) return undefined;
  const { size, mtimeMs, ino, ctimeMs } = facts;
  return { key: `${size}:${mtimeMs}:${ctimeMs}:${ino}`, size, changedAt: Math.round(mtimeMs) };
}

/** Lets others have the thread, now and then: thousands of looks at a disk take a while. */
const breathe = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/**
 * Changes with every file below the folder that is not hidden. Undefined where there is a link, behind which anything
 * may change.
 */
export async function treeKey(folder: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  let seen = 0;
  const visit = async (inner: string): Promise<boolean> => {
    for (const entry of readdirSync(inner, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const path = join(inner, entry.name);
      if (++seen % 1000 === 0) await breathe();
      if (entry.isDirectory()) {
        if (!(await visit(path))) return false;
      } else if (entry.isFile()) hash.update(`${path}\0${stateOf(path)?.key}\n`);
      else return false;
    }
    return true;
  };
  return (await visit(folder)) ? hash.digest('hex') : undefined;
}

type Source = Awaited<ReturnType<typeof listSource>>;
type File = Source['pictures'][number];

async function captionOf(
  file: File,
  files: CaptionClaims,
): Promise<Pick<KeptFacts, 'caption' | 'source' | 'captionFault'>> {
  try {
    const { text, source } = await describeCaption(file, files, {});
    return { caption: text, source };
  } catch (error) {
    if (!(error instanceof LoraError)) throw error;
    return { caption: '', source: 'none', captionFault: { code: error.code, message: error.message } };
  }
}

async function readPicture(
  file: File,
  files: CaptionClaims,
  kept: KeptFacts | undefined,
): Promise<{ facts: KeptFacts; isNew: boolean; state: FileState; captionFiles: string[] } | undefined> {
  const state = stateOf(file.path);
  if (!state) return undefined; // deleted since it was listed
  const captionFiles = files.captions.claim(file);
  const said = files.metadata.claim(file)?.text ?? '';
  const captionKey = [...captionFiles.map(path => stateOf(path)?.key), said].join('|');
  const isFile = kept?.file === state.key;
  const isCaption = kept?.captionKey === captionKey;
  if (kept && isFile && isCaption) return { facts: kept, isNew: false, state, captionFiles };
  const { width, height, fault } = kept && isFile ? kept : await headerFacts(file.path);
  const { caption, source, captionFault } = kept && isCaption ? kept : await captionOf(file, files);
  const facts = {
    ...{ file: state.key, width, height, fault, captionKey, caption, source, captionFault },
  };
  return { facts, isNew: true, state, captionFiles };
}

function listed(
  folder: string,
  path: string,
  { facts, state, captionFiles }: { facts: KeptFacts; state: FileState; captionFiles: string[] },
): DatasetPicture {
  const place = relative(folder, path).split(sep).join('/');
  const { width, height, caption, source } = facts;
  const fault = facts.fault ?? facts.captionFault;
  return {
    ...{ id: pictureIdOf(place), place, path, name: basename(path), width, height, caption, captionFiles },
    ...{ bytes: state.size, changedAt: state.changedAt },
    ...(unwritten.has(source) ? {} : { captionSource: source }),
    ...(fault ? { fault: withoutPlace(fault, folder) } : {}),
  };
}

/** Who asks over the network is told of names, not of folders of this machine. */
const withoutPlace = ({ code, message }: Fault, folder: string): Fault => ({
  code,
  message: message.replaceAll(folder + sep, '').replaceAll(folder, 'the folder'),
});

const captionEndings = ['.txt', '.caption', '.json'];

/** One picture that was just put into the top of a folder, without looking through the rest. */
export async function listOne(
  folder: string,
  path: string,
  cache: FactsCache,
): Promise<DatasetPicture | undefined> {
  const name = basename(path);
  const stem = path.slice(0, path.length - extname(path).length);
  const beside = captionEndings.map(ending => stem + ending).filter(file => existsSync(file));
  const file = { path, folder, name, meaning: { repeats: 1 } };
  const files: CaptionClaims = {
    ...{ source: { folder, rules: plainRules }, warnings: [] },
    ...{ captions: { claim: () => beside }, metadata: { claim: () => undefined } },
  };
  const found = await readPicture(file, files, undefined);
  if (!found) return undefined;
  cache.keep(folder, new Map([[name, found.facts]]), []);
  return listed(folder, path, found);
}

/** Pictures by their names that cannot be read here are shown too, with the reason. */
function listSkipped(folder: string, skipped: Source['skipped']): DatasetPicture[] {
  return skipped.filter(isSkip).flatMap(({ path, code, reason }) => {
    const state = code === 'PICTURE_FORMAT_UNSUPPORTED' ? stateOf(path) : undefined;
    if (!state) return [];
    const facts = {
      ...{ file: state.key, width: 0, height: 0, captionKey: '', caption: '', source: 'none' },
      fault: { code, message: reason },
    };
    return [listed(folder, path, { facts, state, captionFiles: [] })];
  });
}

/** Reads a data set. A folder without pictures is an empty one. */
export async function readListing(
  folder: string,
  cache: FactsCache,
  signal?: AbortSignal,
): Promise<DatasetListing> {
  const files = await listSource({ folder, rules: plainRules });
  const kept = cache.of(folder);
  const changed = new Map<string, KeptFacts>();
  let done = 0;
  const read = await mapInOrder([...files.pictures], 8, async file => {
    signal?.throwIfAborted();
    if (++done % 500 === 0) await breathe();
    const name = relative(folder, file.path);
    const found = await readPicture(file, files, kept.get(name));
    if (found?.isNew) changed.set(name, found.facts);
    kept.delete(name);
    return found ? [listed(folder, file.path, found)] : [];
  });
  cache.keep(folder, changed, [...kept.keys()]);
  return summedUp([...read.flat(), ...listSkipped(folder, files.skipped)]);
}

function summedUp(pictures: DatasetPicture[]): DatasetListing {
  let [bytes, changedAt] = [0, 0];
  for (const picture of pictures) {
    bytes += picture.bytes;
    changedAt = Math.max(changedAt, picture.changedAt);
  }
  return { pictures, byId: new Map(pictures.map(picture => [picture.id, picture])), bytes, changedAt };
}
