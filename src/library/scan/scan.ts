/** @file A scan: what is new, changed, moved or gone since the last one. Cards appear as they are found. */
import type { CardUse, ScanSummary } from '../card.ts';
import { noSide, sideOf } from '../facts/from-side-files.ts';
import { type KnownTables, readFacts } from '../facts/read-facts.ts';
import type { ScanOptions } from '../library.ts';
import {
  forgetCard,
  idsToRestore,
  noteRestored,
  pocketId,
  refreshCard,
  type Stores,
} from '../store/card-table.ts';
import {
  type FileRow,
  type FileStamp,
  fileStamps,
  filesOfCard,
  openKnownTables,
  putFile,
  removeFile,
  setFileState,
} from '../store/file-table.ts';
import { openPace, type Pace } from './pace.ts';
import { reasonOf, statOf } from './stat-of.ts';
import { type FoundModel, walk } from './walk.ts';

export interface ScannedFolder {
  readonly id: string;
  readonly path: string;
  readonly uses: readonly CardUse[];
}

interface Found {
  readonly model: FoundModel;
  readonly folder: ScannedFolder;
  readonly before: FileStamp | undefined;
}

interface Counts {
  seen: number;
  added: number;
  changed: number;
  moved: number;
  missing: number;
  broken: number;
}

/** A file that was written this lately may be written again within the same tick of its clock. */
const unsettledMilliseconds = 2500;
/** Behind the stamp of such a file. */
const unsettled = ' unsettled';
const batchFiles = 32;
const batchMilliseconds = 300;

type Skipped = ScanSummary['skipped'];

async function findAll(
  folders: readonly ScannedFolder[],
  before: ReadonlyMap<string, FileStamp>,
  pace: Pace,
): Promise<{ found: Found[]; skipped: Skipped; failed: ReadonlySet<string> }> {
  const others = new Set(folders.map(({ path }) => path));
  const found: Found[] = [];
  const skipped: Skipped[number][] = [];
  const failed = new Set<string>();
  for (const folder of folders) {
    const walked = await walk(folder.path, { pace, others }).catch(error => {
      // What the system says; whatever else is thrown is a fault of the scan, or calls it off.
      if (!(error instanceof Error && 'syscall' in error)) throw error;
      failed.add(folder.id);
      return { models: [], skipped: [{ path: folder.path, reason: reasonOf(error) }] };
    });
    for (const model of walked.models) found.push({ model, folder, before: before.get(model.path) });
    skipped.push(...walked.skipped);
  }
  return { found, skipped, failed };
}

/** A file that two folders of the library reach (one by a link) is of the first. */
const onceEach = (found: readonly Found[]): Found[] =>
  [...new Map(found.toReversed().map(one => [one.model.path, one])).values()].reverse();

const isSame = ({ model, folder, before }: Found): boolean =>
  before !== undefined &&
  before.stamp === model.stamp &&
  before.sides === model.sides &&
  before.folder === folder.id &&
  before.place === model.place;

/** What was computed of the same bytes, here or where the file lay before; a copy is read before it counts as the same. */
const hashesFor = ({ db }: Stores, id: string, { path, bytes, modified }: FoundModel): FileRow['hashes'] =>
  filesOfCard(db, id).find(
    row =>
      row.bytes === bytes &&
      row.modified === modified &&
      row.hashes.sha256 !== undefined &&
      (row.path === path || statOf(row.path).facts === undefined),
  )?.hashes ?? {};

async function read(
  { model, folder, before }: Found,
  stores: Stores,
  tables: KnownTables,
  now: number,
): Promise<FileRow> {
  const { path, place, fileName: name, bytes, modified, is, siblings, sides } = model;
  const sameStamp = before?.stamp.replace(unsettled, '') === model.stamp;
  const old = sameStamp ? filesOfCard(stores.db, before.card).find(row => row.path === path) : undefined;
  const isSettled = before?.stamp === model.stamp;
  const { id, facts } =
    old && isSettled ? { id: old.card, facts: old.facts } : readFacts(model, folder.uses, tables);
  const isUnsettled = Math.abs(now - modified) < unsettledMilliseconds;
  return {
    ...{ path, place, name, bytes, modified, is, siblings, sides, facts },
    ...{ folder: folder.id, card: id, state: 'present' },
    stamp: isUnsettled ? model.stamp + unsettled : model.stamp,
    side: siblings.length > 0 ? await sideOf(path, siblings) : noSide,
    hashes: hashesFor(stores, id, model),
  };
}

/** Writes what was read and makes its cards; cards whose last file is another one now are looked after, too. */
function commit(
  stores: Stores,
  rows: readonly FileRow[],
  before: ReadonlyMap<string, FileStamp>,
  now: number,
): void {
  const touched = new Set<string>();
  const left = new Set<string>();
  for (const row of rows) {
    putFile(stores.db, row);
    touched.add(row.card);
    const old = before.get(row.path)?.card;
    if (old !== undefined && old !== row.card) left.add(old);
  }
  for (const id of left) leave(stores, id, touched);
  for (const id of touched) refreshCard(stores, id, now);
}

/** A card whose file holds other tensors now: kept where the user wrote something of it. */
function leave(stores: Stores, id: string, touched: Set<string>): void {
  if (filesOfCard(stores.db, id).length > 0) touched.add(id);
  else if (hasWords(stores, id)) refreshCard(stores, id);
  else forgetCard(stores, id);
}

const hasWords = ({ own }: Stores, id: string): boolean =>
  Object.keys(own.edit(id)).length > 0 || own.previewVersion(id) !== undefined;

/** What a scan writes it would find again. */
const both = <T>({ own, db }: Stores, work: () => T): T =>
  own.atOnce(() => db.atOnce(work), { lasting: false });

/**
 * Files that were there and are not: of a card that lies elsewhere now, they are forgotten; else they are missing. Those
 * that were missing before are looked at where their card was found.
 */
async function lose(
  stores: Stores,
  gone: readonly FileStamp[],
  isAway: (folder: string) => boolean,
  pace: Pace,
): Promise<void> {
  for (let from = 0; from < gone.length; from += batchFiles) {
    both(stores, () => {
      const cards = new Set<string>();
      for (const { path, card, folder } of gone.slice(from, from + batchFiles)) {
        const lives = filesOfCard(stores.db, card).some(row => row.state === 'present' && row.path !== path);
        if (lives && !isAway(folder)) removeFile(stores.db, path);
        else setFileState(stores.db, path, 'missing');
        cards.add(card);
      }
      for (const id of cards) refreshCard(stores, id);
    });
    await pace.rest();
  }
}

/** Into an index that was made anew: cards whose files are away. */
async function restore(stores: Stores, pace: Pace): Promise<void> {
  const ids = idsToRestore(stores);
  for (let from = 0; from < ids.length; from += batchFiles) {
    both(stores, () => {
      for (const id of ids.slice(from, from + batchFiles)) refreshCard(stores, id);
    });
    await pace.rest();
  }
  noteRestored(stores);
}

function hasChanged(model: FoundModel, before: FileStamp, card: string): boolean {
  const sameFile = before.stamp.replace(unsettled, '') === model.stamp && before.card === card;
  return !sameFile || before.sides !== model.sides || before.state === 'missing';
}

function countOf(
  found: readonly Found[],
  rows: ReadonlyMap<string, string>,
  gone: readonly FileStamp[],
): Pick<Counts, 'added' | 'changed' | 'moved'> {
  const goneCards = new Map<string, number>();
  for (const { card } of gone) goneCards.set(card, (goneCards.get(card) ?? 0) + 1);
  const counts = { added: 0, changed: 0, moved: 0 };
  for (const { model, before } of found) {
    const card = rows.get(model.path) ?? '';
    const left = goneCards.get(card) ?? 0;
    if (before) counts.changed += Number(hasChanged(model, before, card));
    else if (left > 0) {
      counts.moved++;
      goneCards.set(card, left - 1);
    } else counts.added++;
  }
  return counts;
}

/** Scans all folders. Throws what `options.signal` was aborted with; what was found until then stays. */
export async function scanLibrary(
  stores: Stores,
  folders: readonly ScannedFolder[],
  { signal, onProgress }: ScanOptions = {},
): Promise<ScanSummary> {
  const started = performance.now();
  const now = Date.now();
  const pace = openPace(signal);
  const present = folders.filter(({ path }) => statOf(path).facts?.isDirectory());
  const rows = fileStamps(stores.db).filter(({ folder }) => folder !== pocketId);
  const before = new Map(rows.map(row => [row.path, row]));
  await pace.rest();
  const all = await findAll(present, before, pace);
  const found = onceEach(all.found);
  const seen = new Set(found.map(({ model }) => model.path));
  const wanted = found.filter(one => !isSame(one) || one.before?.state === 'missing');
  const tables = openKnownTables(stores.db);
  const cards = new Map<string, string>();
  onProgress?.(0, wanted.length);
  let batch: FileRow[] = [];
  let since = performance.now();
  const flush = (): void => {
    if (batch.length > 0) both(stores, () => commit(stores, batch, before, now));
    batch = [];
    onProgress?.(cards.size, wanted.length);
  };
  for (const one of wanted) {
    if (pace.isDue()) await pace.rest();
    const row = await read(one, stores, tables, now);
    cards.set(row.path, row.card);
    batch.push(row);
    if (batch.length >= batchFiles || performance.now() - since > batchMilliseconds) {
      flush();
      await pace.rest();
      since = performance.now();
    }
  }
  flush();
  const presentIds = new Set(present.map(({ id }) => id).filter(id => !all.failed.has(id)));
  const gone = [...before.values()].filter(({ path }) => !seen.has(path));
  const again = new Set(cards.values());
  const lost = gone.filter(({ state, card }) => state === 'present' || again.has(card));
  await lose(stores, lost, id => !presentIds.has(id), pace);
  await restore(stores, pace);
  const count = (where: string): number =>
    Number(stores.db.get(`SELECT count(*) AS n FROM cards WHERE state = '${where}'`)?.n);
  return {
    seen: seen.size,
    ...countOf(
      wanted,
      cards,
      gone.filter(({ folder }) => presentIds.has(folder)),
    ),
    ...{ missing: count('missing'), broken: count('broken') },
    skipped: all.skipped,
    seconds: (performance.now() - started) / 1000,
  };
}
