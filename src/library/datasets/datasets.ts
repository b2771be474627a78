/** @file The data sets of the studio: listed, made, filled, described and taken away. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { badInput, LoraError } from '../../errors.ts';
import { resolveInside, writeFileAtomic } from '../../files/index.ts';
import type { DataFolder } from '../../workbench/index.ts';
import { sweepParts } from '../receive.ts';
import { setAside, sweepRemoved } from '../removed.ts';
import { writeFault } from '../system-faults.ts';
import { type AddedFile, addCaption, addPicture } from './add-picture.ts';
import { type CaptionChanges, type CaptionEdit, canUndo, editCaptions, undoCaptions } from './captions.ts';
import { copyDataset } from './copy.ts';
import { licenceOf, type Suggestion, suggestionOf } from './examples.ts';
import { openFactsCache } from './facts-cache.ts';
import { endingOf } from './file-names.ts';
import type { DatasetListing, DatasetPicture } from './listing.ts';
import { openListings } from './listings.ts';
import {
  type DatasetPlace,
  datasetPlaces,
  type FolderRegistry,
  findDataset,
  folderId,
  ownName,
  readRegistry,
  registryPath,
} from './places.ts';

export interface DatasetSummary {
  readonly id: string;
  readonly name: string;
  readonly origin: DatasetPlace['origin'];
  readonly pictures: number;
  readonly captioned: number;
  readonly bytes: number;
  readonly changedAt: number;
  /** Ids of up to four pictures. */
  readonly covers: readonly string[];
  readonly suggestion?: Suggestion | undefined;
  readonly licence?: string | undefined;
  /** Why nothing can be told of it: its drive is away. */
  readonly fault?: { readonly code: string; readonly message: string } | undefined;
}

export interface WholeDataset extends DatasetSummary {
  readonly items: readonly DatasetPicture[];
  readonly canUndo: boolean;
}

export interface Datasets {
  list(): Promise<DatasetSummary[]>;
  get(id: string): Promise<WholeDataset>;
  /** An empty one, or a copy. Throws DATASET_EXISTS, DATASET_NAME. */
  create(name: string, from?: string): Promise<DatasetSummary>;
  /** A folder of the user's, which stays where it is. Throws FOLDER_NOT_FOUND, FOLDER_KNOWN. */
  addFolder(path: string): Promise<DatasetSummary>;
  /** Own ones are set aside for some days; folders are only forgotten. Throws DATASET_PROTECTED for examples. */
  remove(id: string): Promise<void>;
  /** A picture or a `.txt`, by its name. Undefined for a caption whose picture is not there yet. */
  add(id: string, name: string, stream: Readable): Promise<DatasetPicture | undefined>;
  picture(id: string, pictureId: string): Promise<DatasetPicture>;
  removePicture(id: string, pictureId: string): Promise<void>;
  /** The picture turned out to be damaged when it was decoded. */
  markBroken(id: string, pictureId: string, message: string): Promise<void>;
  editCaptions(id: string, edit: CaptionEdit, write: boolean): Promise<CaptionChanges>;
  setCaption(id: string, pictureId: string, text: string): Promise<DatasetPicture>;
  undoCaptions(id: string): Promise<CaptionChanges>;
  /** Deletes what was removed so many days ago. */
  sweep(days: number): Promise<void>;
  close(): void;
}

const coverCount = 4;

const isProtected = (name: string, why: string, hint: string): LoraError =>
  new LoraError('DATASET_PROTECTED', `${name} ${why}`, { hint });

function checkOwn({ origin, name }: DatasetPlace): void {
  if (origin === 'own') return;
  const why = origin === 'example' ? 'came with the program' : 'is your own folder';
  throw isProtected(name, `${why}: its pictures stay as they are`, 'Make a copy of it, and change that.');
}

function checkCaptionsOpen({ origin, name }: DatasetPlace): void {
  if (origin !== 'example') return;
  throw isProtected(name, 'came with the program: its captions stay as they are', 'Make a copy of it.');
}

const unknownPicture = (id: string, { name }: DatasetPlace): LoraError =>
  new LoraError('PICTURE_UNKNOWN', `there is no picture ${id} in the data set ${name}`, {
    hint: 'It was removed or renamed meanwhile; read the list again.',
  });

/** Changes of one folder go one after another. */
function openTurns(): <T>(folder: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return (folder, work) => {
    const turn = (last.get(folder) ?? Promise.resolve()).then(work, work);
    const settled = turn
      .catch(() => undefined)
      .finally(() => {
        if (last.get(folder) === settled) last.delete(folder);
      });
    last.set(folder, settled);
    return turn;
  };
}

/** Opens the data sets of a data folder. */
export function openDatasets(data: DataFolder): Datasets {
  const cache = openFactsCache(join(data.cache, 'dataset-facts.sqlite'));
  const listings = openListings(cache);
  const inTurn = openTurns();
  const incoming = join(data.datasets, '.incoming');
  const swept = sweepParts(incoming).catch(() => undefined);

  const summaryOf = async (place: DatasetPlace, known?: DatasetListing): Promise<DatasetSummary> => {
    const { id, name, origin, path } = place;
    const { pictures, bytes, changedAt } = known ?? (await listings.of(path));
    const usable = pictures.filter(({ fault }) => !fault);
    const [suggestion, licence] = [origin === 'example' ? suggestionOf(name) : undefined, licenceOf(path)];
    const own = await stat(path);
    return {
      ...{ id, name, origin, pictures: usable.length, bytes },
      captioned: usable.filter(({ captionSource }) => captionSource !== undefined).length,
      changedAt: Math.max(changedAt, Math.round(own.mtimeMs)),
      covers: usable.slice(0, coverCount).map(picture => picture.id),
      ...(suggestion ? { suggestion } : {}),
      ...(licence === undefined ? {} : { licence }),
    };
  };

  const summaryOrFault = async (place: DatasetPlace): Promise<DatasetSummary> => {
    try {
      return await summaryOf(findDataset(data, place.id));
    } catch (error) {
      const { id, name, origin } = place;
      const code = error instanceof LoraError ? error.code : 'DATASET_UNREADABLE';
      const message =
        error instanceof LoraError ? error.message.replaceAll(place.path, name) : 'it cannot be read';
      return {
        ...{ id, name, origin, pictures: 0, captioned: 0, bytes: 0, changedAt: 0, covers: [] },
        fault: { code, message },
      };
    }
  };

  const pictureIn = async (place: DatasetPlace, pictureId: string): Promise<DatasetPicture> => {
    const found = (await listings.of(place.path)).byId.get(pictureId);
    if (!found) throw unknownPicture(pictureId, place);
    return found;
  };

  const writeRegistry = async (paths: FolderRegistry['folders']): Promise<void> => {
    const text = JSON.stringify({ format: 'lora-studio folders 1', folders: paths }, null, 1);
    try {
      await writeFileAtomic(registryPath(data), `${text}\n`);
    } catch (cause) {
      throw writeFault('the list of folders', cause);
    }
  };

  const receive = async (place: DatasetPlace, name: string, stream: Readable): Promise<AddedFile> => {
    const places = { folder: place.path, incoming };
    if (endingOf(name) === '.txt') return inTurn(place.path, () => addCaption(stream, name, places));
    return addPicture(stream, name, places);
  };

  return {
    list: async () => Promise.all(datasetPlaces(data).map(summaryOrFault)),
    async get(id) {
      const place = findDataset(data, id);
      const listing = await listings.of(place.path);
      const undo = place.origin !== 'example' && (await canUndo(place.path));
      return { ...(await summaryOf(place, listing)), items: listing.pictures, canUndo: undo };
    },
    async create(given, from) {
      const name = given.normalize('NFC');
      const target = checkNewName(data, name);
      const source = from === undefined ? undefined : findDataset(data, from);
      const temporary = join(incoming, `${randomBytes(12).toString('hex')}.new`);
      try {
        if (source) await copyDataset(await listings.of(source.path), source.path, temporary);
        else await mkdir(temporary, { recursive: true });
        checkNewName(data, name); // meanwhile
        await rename(temporary, target);
      } catch (cause) {
        await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
        throw writeFault(`the data set ${name}`, cause);
      }
      return summaryOf(findDataset(data, name));
    },
    async addFolder(given) {
      const path = resolve(given);
      const facts = await stat(path).catch(() => undefined);
      if (!facts?.isDirectory())
        throw badInput('FOLDER_NOT_FOUND', `there is no folder ${path}`, 'Give the whole path of a folder.');
      if (path === resolve(data.path) || `${path}${sep}`.startsWith(resolve(data.path) + sep))
        throw badInput('FOLDER_KNOWN', `${path} lies in the studio's own folder`);
      const { folders } = readRegistry(data);
      if (folders.some(folder => resolve(folder.path) === path))
        throw badInput('FOLDER_KNOWN', `${path} is in the list already`);
      await writeRegistry([...folders, { id: folderId(path), path, addedAt: Date.now() }]);
      return summaryOf(findDataset(data, folderId(path)));
    },
    async remove(id) {
      const known = datasetPlaces(data).find(place => place.id === id) ?? findDataset(data, id);
      if (known.origin === 'example')
        throw isProtected(known.name, 'came with the program', 'It takes no space of yours.');
      if (known.origin === 'folder') {
        const { folders } = readRegistry(data);
        return writeRegistry(folders.filter(({ path }) => folderId(path) !== id));
      }
      await inTurn(known.path, () => setAside(data.datasets, known.name, [known.path]));
      listings.forget(known.path);
    },
    async add(id, name, stream) {
      try {
        await swept;
        const place = findDataset(data, id);
        checkOwn(place);
        const added = await receive(place, name, stream);
        return await listings.addedPicture(place.path, added);
      } finally {
        if (!stream.destroyed && !stream.readableEnded) stream.resume(); // so that the answer is read
      }
    },
    picture: async (id, pictureId) => pictureIn(findDataset(data, id), pictureId),
    async removePicture(id, pictureId) {
      const place = findDataset(data, id);
      checkOwn(place);
      const { path, place: inner, captionFiles } = await pictureIn(place, pictureId);
      await inTurn(place.path, async () => {
        const { pictures } = await listings.of(place.path);
        const isShared = (file: string): boolean =>
          pictures.some(other => other.id !== pictureId && other.captionFiles.includes(file));
        const files = [resolveInside(place.path, inner), ...captionFiles.filter(file => !isShared(file))];
        await setAside(place.path, basename(path), files);
      });
    },
    async markBroken(id, pictureId, message) {
      const place = findDataset(data, id);
      const picture = (await listings.of(place.path)).byId.get(pictureId);
      if (picture && !picture.fault) listings.markBroken(place.path, picture.place, message);
    },
    async editCaptions(id, edit, write) {
      const place = findDataset(data, id);
      if (write) checkCaptionsOpen(place);
      return inTurn(place.path, () => editCaptions(place.path, edit, write));
    },
    async setCaption(id, pictureId, text) {
      const place = findDataset(data, id);
      checkCaptionsOpen(place);
      await inTurn(place.path, () => editCaptions(place.path, { set: text, only: [pictureId] }, true));
      return pictureIn(place, pictureId);
    },
    async undoCaptions(id) {
      const place = findDataset(data, id);
      checkCaptionsOpen(place);
      return inTurn(place.path, async () =>
        undoCaptions(place.path, (await listings.of(place.path)).pictures),
      );
    },
    async sweep(days) {
      await sweepRemoved(data.datasets, days);
      for (const { path, origin } of datasetPlaces(data))
        if (origin === 'own') await sweepRemoved(path, days);
    },
    close: () => cache.close(),
  };
}

/** The path of a new data set. Throws DATASET_NAME, DATASET_EXISTS. */
function checkNewName(data: DataFolder, name: string): string {
  const invalid = (why: string): LoraError =>
    badInput('DATASET_NAME', `a data set cannot be called ${JSON.stringify(name)}: ${why}`);
  if (!ownName.test(name)) throw invalid('use letters, digits, blanks, dots and dashes, up to 80');
  const taken = datasetPlaces(data).find(
    place => place.origin === 'own' && place.name.normalize('NFC').toLowerCase() === name.toLowerCase(),
  );
  if (taken) {
    const hint = 'Choose another name.';
    throw new LoraError('DATASET_EXISTS', `there is a data set ${taken.name} already`, { hint });
  }
  let path: string;
  try {
    path = resolveInside(data.datasets, name);
  } catch (error) {
    throw invalid(error instanceof LoraError ? error.message : 'it is no name of a folder');
  }
  if (existsSync(path)) throw new LoraError('DATASET_EXISTS', `there is something called ${name} already`);
  return path;
}
