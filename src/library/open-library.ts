/** @file Opens the library of a data folder. It answers at once with what the index has; `scan` brings it up to date. */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { badInput, LoraError, usageError } from '../errors.ts';
import { isReachableFolder } from '../files/index.ts';
import { basePath, type DataFolder } from '../workbench/index.ts';
import type { CardUse, Facets, LibraryFolder, WholeCard } from './card.ts';
import { noSide } from './facts/from-side-files.ts';
import { hashRow } from './facts/hash-row.ts';
import { keptPreview, previewOf } from './facts/preview.ts';
import { readFacts } from './facts/read-facts.ts';
import { foldersAt } from './layouts/folders-at.ts';
import type { LayoutFolder } from './layouts/layouts.ts';
import type { Library } from './library.ts';
import { scanLibrary } from './scan/scan.ts';
import { statOf } from './scan/stat-of.ts';
import { modelFolder } from './scan/walk.ts';
import { duplicatesIn } from './search/duplicates.ts';
import { facetsOf } from './search/facets.ts';
import { searchCards } from './search/search-cards.ts';
import { checkEdit, withChanges } from './store/card-edit.ts';
import { catchUp, forgetCard, noteWrites, pocketId, refreshCard, type Stores } from './store/card-table.ts';
import { isDamage } from './store/database.ts';
import { type FileRow, filesOfCard, openKnownTables, putFile, setFileHashes } from './store/file-table.ts';
import { openIndexFile } from './store/index-file.ts';
import { openOwnData, type StoredFolder } from './store/own-data.ts';
import { idOfBeginning, wholeCard, withShort } from './store/whole-card.ts';

export interface OpenLibraryOptions {
  /** For processes that look things up: nothing is written, and what others write is seen. */
  readonly readOnly?: boolean | undefined;
}

/** Folders that are of the library without being added. */
const ownFolders = (data: DataFolder): StoredFolder[] => [
  { id: 'studio-loras', path: data.loras, uses: ['lora'], layout: 'studio' },
  { id: 'studio-checkpoints', path: data.checkpoints, uses: ['checkpoint'], layout: 'studio' },
  { id: 'studio-embeddings', path: data.embeddings, uses: ['embedding'], layout: 'studio' },
];

const folderId = (path: string): string => createHash('sha256').update(path).digest('hex').slice(0, 12);

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

const indexName = 'library-index.sqlite';

/** The embedded model, which is in no folder of the user's. */
function addPocket(stores: Stores): void {
  const model = modelFolder(basePath(pocketId), 'checkpoint-folder');
  const [before] = filesOfCard(stores.db, pocketId);
  if (before?.stamp === model.stamp && before.path === model.path) return;
  const { facts } = readFacts(model, ['checkpoint'], openKnownTables(stores.db));
  const { fileName: name, ...place } = model;
  stores.db.atOnce(() => {
    stores.db.run('DELETE FROM files WHERE card = ?', pocketId);
    const row: FileRow = {
      ...{ ...place, name, folder: pocketId, card: pocketId, state: 'present' },
      ...{ facts, side: noSide, hashes: {} },
    };
    putFile(stores.db, row);
    refreshCard(stores, pocketId);
  });
}

const unknown = (id: string): LoraError =>
  badInput('CARD_UNKNOWN', `the library has no card ${id.slice(0, 80)}`, 'Ids are shown by a search.');

/** Opens the library. Throws LIBRARY_DAMAGED, LIBRARY_NEWER and LIBRARY_UNREADABLE for the user's own data. */
export function openLibrary(data: DataFolder, { readOnly = false }: OpenLibraryOptions = {}): Library {
  const own = openOwnData(data.libraryFile, { readOnly });
  const indexPath = join(data.cache, indexName);
  let index = openIndexFile(indexPath, { readOnly });
  const stores: Stores = {
    own,
    get db() {
      return index.db;
    },
  };
  const closing = new AbortController();
  let scanning: Promise<unknown> = Promise.resolve();

  /** A damaged index is made anew; its files are found by the next scan. */
  function mend(error: unknown): void {
    if (!isDamage(error) || readOnly) throw error;
    index.db.close();
    index = openIndexFile(indexPath, { anew: true });
    start();
  }

  function start(): void {
    if (readOnly && !index.isNew) return;
    addPocket(stores);
    if (!readOnly) catchUp(stores);
  }

  function whole<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      mend(error);
      return work();
    }
  }

  const writing = (): void => {
    if (!readOnly) return;
    throw new LoraError('LIBRARY_READ_ONLY', 'this process may only read the library');
  };

  const allFolders = (): StoredFolder[] => [...ownFolders(data), ...own.folders()];

  const idOf = (given: string): string => {
    const id = whole(() => idOfBeginning(stores, given));
    if (id === undefined) throw unknown(given);
    return id;
  };

  /** Files of a card that are there now. */
  const presentFiles = (id: string): FileRow[] =>
    whole(() => filesOfCard(stores.db, id)).filter(({ path }) => statOf(path).facts !== undefined);

  /** The first of them. */
  const present = (given: string): FileRow => {
    const id = idOf(given);
    const [file] = presentFiles(id);
    if (file) return file;
    const at = whole(() => filesOfCard(stores.db, id))[0]?.path;
    const where = at === undefined ? '' : `: ${at} is not there`;
    const hint = 'Is its drive connected? Otherwise the file was deleted or moved out of the library.';
    throw badInput('CARD_MISSING', `the file of card ${id} is missing${where}`, hint);
  };

  const cardOf = (id: string): WholeCard => {
    const card = whole(() => wholeCard(stores, id));
    if (!card) throw unknown(id);
    return card;
  };

  const shown = (folders: readonly StoredFolder[]): LibraryFolder[] => {
    const rows = whole(() =>
      stores.db.all("SELECT folder, count(*) AS n FROM files WHERE state = 'present' GROUP BY folder"),
    );
    const counts = new Map(rows.map(({ folder, n }) => [String(folder), Number(n)]));
    return folders.map(({ id, path, uses, layout }) => ({
      ...{ id, path, uses, layout, files: counts.get(id) ?? 0 },
      state: isReachableFolder(path) ? 'present' : 'missing',
    }));
  };

  /** The folder of the library that a new one is the same as, or inside of. */
  const covers = (path: string): StoredFolder | undefined => {
    const real = realOf(path);
    return allFolders().find(known => {
      const other = realOf(known.path);
      return real === other || real.startsWith(other + sep);
    });
  };

  /** Files of a folder leave the index, and cards that have no other. */
  const dropFiles = (folder: string): void =>
    stores.db.atOnce(() => {
      const cards = stores.db.all('SELECT DISTINCT card FROM files WHERE folder = ?', folder);
      stores.db.run('DELETE FROM files WHERE folder = ?', folder);
      for (const card of cards.map(row => String(row.card)))
        if (filesOfCard(stores.db, card).length > 0) refreshCard(stores, card);
        else forgetCard(stores, card);
    });

  /** A folder may be removed while it is scanned, here or by another process. */
  const dropRemoved = (): void => {
    const there = new Set([pocketId, ...allFolders().map(({ id }) => id)]);
    for (const { folder } of stores.db.all('SELECT DISTINCT folder FROM files'))
      if (!there.has(String(folder))) own.atOnce(() => dropFiles(String(folder)));
  };

  start();
  return {
    folders: () => shown(allFolders()),
    addFolder(path, uses) {
      writing();
      const wanted = foldersAt(path, uses);
      const fresh: LayoutFolder[] = wanted.filter(folder => !covers(folder.path));
      if (fresh.length === 0 && wanted.length > 0) {
        const [{ path: folder }] = wanted;
        const known = covers(folder)?.path;
        const how =
          known === folder ? 'is in the library already' : `is in the library already, as part of ${known}`;
        throw usageError('FOLDER_KNOWN', `${folder} ${how}`, 'Look for new files in it with a scan.');
      }
      if (fresh.length === 0)
        throw badInput('FOLDER_NOT_FOUND', `none of the folders that ${path} names is there`);
      const added = fresh.map(folder => ({ ...folder, id: folderId(folder.path) }));
      own.atOnce(() => added.forEach(folder => void own.addFolder(folder)));
      return shown(added);
    },
    removeFolder(id) {
      writing();
      if (ownFolders(data).some(folder => folder.id === id))
        throw usageError('FOLDER_OWN', `${id} is the studio's own folder, which stays in the library`);
      if (!own.folders().some(folder => folder.id === id))
        throw badInput('FOLDER_UNKNOWN', `the library has no folder ${id.slice(0, 80)}`);
      whole(() =>
        own.atOnce(() => {
          dropFiles(id);
          own.removeFolder(id);
        }),
      );
    },
    scan(options = {}) {
      writing();
      const signal = options.signal ? AbortSignal.any([options.signal, closing.signal]) : closing.signal;
      const run = async () => {
        signal.throwIfAborted();
        const work = async () => {
          const summary = await scanLibrary(stores, allFolders(), { ...options, signal });
          dropRemoved();
          return summary;
        };
        try {
          return await work();
        } catch (error) {
          closing.signal.throwIfAborted();
          mend(error);
          return work();
        }
      };
      // One after the other; a scan that failed stops no other.
      const result = scanning.then(run, run);
      scanning = result.catch(() => undefined);
      return result;
    },
    search: query => whole(() => searchCards(stores.db, query)),
    facets: (use?: CardUse): Facets => whole(() => facetsOf(stores.db, use)),
    card(given) {
      const id = whole(() => idOfBeginning(stores, given));
      return id === undefined ? undefined : cardOf(id);
    },
    edit(given, changes) {
      writing();
      const id = idOf(given);
      const checked = checkEdit(changes);
      whole(() =>
        own.atOnce(() => {
          own.setEdit(id, withChanges(own.edit(id), checked));
          stores.db.atOnce(() => {
            refreshCard(stores, id);
            noteWrites(stores);
          });
        }),
      );
      return cardOf(id);
    },
    forget(given) {
      writing();
      const id = idOf(given);
      if (cardOf(id).state !== 'missing')
        throw usageError(
          'CARD_PRESENT',
          `the file of card ${id} is there`,
          'Only missing cards can be forgotten.',
        );
      whole(() =>
        own.atOnce(() =>
          stores.db.atOnce(() => {
            stores.db.run('DELETE FROM files WHERE card = ?', id);
            forgetCard(stores, id);
          }),
        ),
      );
    },
    pathOf: id => present(id).path,
    async preview(given) {
      const id = idOf(given);
      const own1 = own.preview(id);
      if (own1) return own1;
      const [file] = whole(() => filesOfCard(stores.db, id));
      return file && previewOf(file);
    },
    async setPreview(given, picture) {
      writing();
      const id = idOf(given);
      const kept = picture && (await keptPreview(picture));
      whole(() =>
        own.atOnce(() => {
          own.setPreview(id, kept);
          stores.db.atOnce(() => {
            refreshCard(stores, id);
            noteWrites(stores);
          });
        }),
      );
    },
    async hash(given, signal, { copies = false } = {}) {
      const id = idOf(given);
      const files = copies ? presentFiles(id) : [present(id)];
      if (files.length === 0) present(id);
      const done = new Map(files.map(({ stamp, hashes }) => [stamp, hashes]));
      for (const file of files.filter(({ hashes }) => hashes.sha256 === undefined)) {
        const known = done.get(file.stamp);
        const hashes = known?.sha256 === undefined ? await hashRow(file, signal) : known;
        done.set(file.stamp, hashes);
        if (readOnly) continue;
        whole(() =>
          own.atOnce(() =>
            stores.db.atOnce(() => {
              setFileHashes(stores.db, file.path, hashes);
              refreshCard(stores, id);
            }),
          ),
        );
      }
      if (!readOnly) return cardOf(id).hashes;
      return withShort(done.get(files[0].stamp) ?? {});
    },
    duplicates: () => whole(() => duplicatesIn(stores.db)),
    close() {
      closing.abort(new LoraError('LIBRARY_CLOSED', 'the library was closed'));
      index.db.close();
      own.close();
    },
  };
}
