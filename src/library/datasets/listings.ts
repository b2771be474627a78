/** @file Listings in memory, looked through again when something in their folder has changed. */
import { basename, extname } from 'node:path';
import type { AddedFile } from './add-picture.ts';
import type { FactsCache } from './facts-cache.ts';
import { pictureOfStem } from './file-names.ts';
import { type DatasetListing, type DatasetPicture, listOne, readListing, treeKey } from './listing.ts';

export interface Listings {
  of(folder: string): Promise<DatasetListing>;
  forget(folder: string): void;
  /** What was added, as it is listed; of a caption, the picture that it belongs to, if there is one. */
  addedPicture(folder: string, added: AddedFile): Promise<DatasetPicture | undefined>;
  markBroken(folder: string, place: string, message: string): void;
}

const mostKept = 16;

interface Kept {
  readonly key: string | undefined;
  readonly listing: DatasetListing;
}

export function openListings(cache: FactsCache): Listings {
  const kept = new Map<string, Kept>();
  const reading = new Map<string, Promise<DatasetListing>>();

  const read = async (folder: string): Promise<DatasetListing> => {
    // Before the reading, so that what changes meanwhile is seen next time.
    const key = await treeKey(folder).catch(() => undefined);
    const known = kept.get(folder);
    if (known && key !== undefined && known.key === key) return known.listing;
    const listing = await readListing(folder, cache);
    kept.delete(folder);
    kept.set(folder, { key, listing });
    const [oldest] = kept.keys();
    if (kept.size > mostKept) kept.delete(oldest);
    return listing;
  };

  /** Who asks while a folder is read may have changed it since: it is read once more, for all of them together. */
  const waiting = new Map<string, Promise<DatasetListing>>();
  const start = (folder: string): Promise<DatasetListing> => {
    const run = read(folder).finally(() => reading.delete(folder));
    reading.set(folder, run);
    return run;
  };
  const of = (folder: string): Promise<DatasetListing> => {
    const current = reading.get(folder);
    if (!current) return start(folder);
    const next = waiting.get(folder);
    if (next) return next;
    const after = current
      .catch(() => undefined)
      .then(() => {
        waiting.delete(folder);
        return start(folder);
      });
    waiting.set(folder, after);
    return after;
  };

  return {
    of,
    forget: folder => void kept.delete(folder),
    async addedPicture(folder, { path, kind }) {
      const picture = kind === 'picture' ? path : pictureOfStem(folder, basename(path, extname(path)));
      return picture === undefined ? undefined : listOne(folder, picture, cache);
    },
    markBroken(folder, place, message) {
      const facts = cache.of(folder).get(place);
      if (!facts) return;
      const fault = { code: 'PICTURE_BROKEN', message };
      cache.keep(folder, new Map([[place, { ...facts, fault }]]), []);
      kept.delete(folder);
    },
  };
}
