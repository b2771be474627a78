/** @file The history of pictures: files of the data folder are the truth, an index makes them a list that can be searched. */
import { rm } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { setImmediate as pause } from 'node:timers/promises';
import { LoraError } from '../../errors.ts';
import { resolveInside } from '../../files/index.ts';
import { type PictureText, readPictureText } from '../../generation/index.ts';
import type { DataFolder } from '../../workbench/index.ts';
import { setAside, sweepRemoved } from '../removed.ts';
import { type IndexedPicture, openIndexStore, type PictureQuery } from './index-store.ts';
import { readPictureFacts } from './picture-facts.ts';
import { historyIdOf, listPictureFiles, type PictureFile, pictureFileAt } from './picture-files.ts';

export interface Refreshed {
  readonly added: number;
  readonly gone: number;
}

export interface Pictures {
  /** Newest first. Files that came or went since are seen. */
  list(query?: PictureQuery): Promise<{ total: number; pictures: readonly IndexedPicture[] }>;
  /** Throws PICTURE_UNKNOWN, or PICTURE_MISSING where its file was deleted. */
  get(id: string): Promise<IndexedPicture & { readonly path: string }>;
  /** With all that its file says; undefined text where it says nothing. */
  text(id: string): Promise<PictureText | undefined>;
  setFavourite(id: string, favourite: boolean): Promise<IndexedPicture>;
  /** Set aside for some days. */
  remove(id: string): Promise<void>;
  /** A job published it: `path` is relative to the data folder, as in an Artefact. Undefined for other places. */
  add(path: string, jobId: string): Promise<IndexedPicture | undefined>;
  /** The id that a file of the data folder has in the history, by its path there. */
  idOf(path: string): string | undefined;
  /** Reads what is new or was changed, and forgets what is gone. */
  refresh(): Promise<Refreshed>;
  /** Deletes pictures older than so many days, but for favourites (0: none), and what was removed `removedDays` ago. */
  sweep(days: number, removedDays: number): Promise<number>;
  close(): void;
}

const day = 86_400_000;
/** The folder is not looked through again sooner than this. */
const calmMs = 1000;
/** Between so many files everybody else has a turn. */
const filesAtOnce = 200;

const unknown = (id: string): LoraError =>
  new LoraError('PICTURE_UNKNOWN', `there is no picture ${id} in the history`, {
    hint: 'It was removed meanwhile; read the list again.',
  });

/** Opens the history of a data folder; it is read in the background, and at once where a list is asked for. */
export function openPictures(data: DataFolder): Pictures {
  const store = openIndexStore(join(data.cache, 'history.sqlite'), join(data.path, 'pictures.sqlite'));
  /** Places that were looked at, pictures or not. */
  const seen = new Set<string>();
  let lookedAt = Number.NEGATIVE_INFINITY;
  let refreshing: Promise<Refreshed> | undefined;
  let isClosed = false;

  const index = async (file: PictureFile): Promise<boolean> => {
    const facts = await readPictureFacts(file.path);
    if (!facts || isClosed) return false;
    store.put(file, facts);
    return true;
  };

  const forget = (ids: readonly string[], places: readonly string[]): void => {
    store.drop(ids);
    for (const place of places) seen.delete(place);
  };

  /** Looks at every file, or at those alone that were never looked at. */
  const read = async (isWhole: boolean): Promise<Refreshed> => {
    // Taken before the list is read: what is published meanwhile is not gone.
    const seenBefore = [...seen];
    const idsBefore = isWhole ? store.ids() : [];
    const places = await listPictureFiles(data.pictures);
    lookedAt = performance.now();
    let added = 0;
    const wanted = isWhole ? places : places.filter(place => !seen.has(place));
    for (const [i, place] of wanted.entries()) {
      if (i % filesAtOnce === filesAtOnce - 1) await pause();
      if (isClosed) return { added, gone: 0 };
      const file = pictureFileAt(data.pictures, place);
      if (!file) continue;
      const before = store.get(file.id);
      const isSame = before?.bytes === file.bytes && before.changedAt === file.changedAt;
      if (!isSame && (await index(file))) added++;
      seen.add(place);
    }
    if (isClosed) return { added, gone: 0 };
    const here = new Set(places);
    const lost = seenBefore.filter(place => !here.has(place));
    const hereIds = new Set(isWhole ? places.map(historyIdOf) : []);
    const ids = new Set([...lost.map(historyIdOf), ...idsBefore.filter(id => !hereIds.has(id))]);
    forget([...ids], lost);
    return { added, gone: ids.size };
  };

  const readOnce = (isWhole: boolean): Promise<Refreshed> => {
    refreshing ??= read(isWhole).finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  };

  const refresh = async (): Promise<Refreshed> => {
    await refreshing?.catch(() => undefined); // which may have passed by what changed since
    return readOnce(true);
  };

  /** A first reading of thousands takes a while: lists show what is known so far. */
  const refreshBriefly = async (): Promise<void> => {
    if (performance.now() - lookedAt < calmMs && !refreshing) return;
    const patience = new Promise(resolve => setTimeout(resolve, 500).unref());
    await Promise.race([readOnce(false), patience]);
  };

  const find = (id: string): IndexedPicture & { path: string } => {
    const picture = store.get(id);
    if (!picture) throw unknown(id);
    const path = resolveInside(data.pictures, picture.place);
    if (pictureFileAt(data.pictures, picture.place)) return { ...picture, path };
    forget([id], [picture.place]);
    throw new LoraError('PICTURE_MISSING', `the file of ${basename(path)} is not there any more`);
  };

  const placeOf = (path: string): string | undefined => {
    const inner = relative(data.pictures, join(data.path, path)).split(sep).join('/');
    return inner === '' || inner.startsWith('../') ? undefined : inner;
  };

  void readOnce(true).catch(() => undefined);
  return {
    async list(query = {}) {
      await refreshBriefly();
      return store.search(query);
    },
    get: async id => find(id),
    async text(id) {
      const { path } = find(id);
      try {
        return await readPictureText(path);
      } catch (error) {
        if (error instanceof LoraError) return undefined;
        throw error;
      }
    },
    async setFavourite(id, favourite) {
      find(id);
      store.setFavourite(id, favourite);
      return find(id);
    },
    async remove(id) {
      const { path, place } = find(id);
      await setAside(data.pictures, basename(path), [path]);
      forget([id], [place]);
    },
    async add(path, jobId) {
      const place = placeOf(path);
      const file = place === undefined ? undefined : pictureFileAt(data.pictures, place);
      if (!file || !(await index(file))) return undefined;
      store.setJob(file.id, jobId);
      seen.add(file.place);
      return store.get(file.id);
    },
    idOf(path) {
      const place = placeOf(path);
      return place === undefined ? undefined : historyIdOf(place);
    },
    refresh,
    async sweep(days, removedDays) {
      await sweepRemoved(data.pictures, removedDays);
      if (days === 0) return 0;
      await refresh();
      const old = store.older(Date.now() - days * day);
      for (const { place } of old) await rm(resolveInside(data.pictures, place), { force: true });
      forget(
        old.map(({ id }) => id),
        old.map(({ place }) => place),
      );
      return old.length;
    },
    close() {
      isClosed = true;
      store.close();
    },
  };
}
