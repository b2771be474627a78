/** @file Cards in the index: made anew from files, side files and what the user wrote whenever one of them changes. */
import { type CardSource, type MergedCard, mergeCard } from '../facts/merge-card.ts';
import type { Database } from './database.ts';
import { type FileRow, filesOfCard } from './file-table.ts';
import type { OwnData } from './own-data.ts';

export interface Stores {
  readonly own: OwnData;
  readonly db: Database;
}

/** The card of the embedded model, which is always there. */
export const pocketId = 'pocket';

/** What is kept of a card for the time when its file is away and the index is gone. */
type Sketch = Pick<
  FileRow,
  'path' | 'folder' | 'place' | 'name' | 'bytes' | 'modified' | 'facts' | 'side' | 'sides' | 'is'
>;

function sketchOf({ path, folder, place, name, bytes, modified, facts, side, sides, is }: FileRow): Sketch {
  const metadata = { ...facts.metadata, frequency: [] };
  const plain = { ...facts, metadata, findings: [] };
  return { path, folder, place, name, bytes, modified, facts: plain, side, sides, is };
}

function removeWords(db: Database, row: number): void {
  db.run('DELETE FROM words WHERE rowid = ?', row);
  db.run('DELETE FROM tags WHERE row = ?', row);
}

/** Which of a series stands for it: what is there before what is missing, then the furthest, the newest. */
function chooseHead(db: Database, series: string): void {
  const head = db.get(
    `SELECT row FROM cards WHERE series = ? ORDER BY state = 'present' DESC, step DESC, modified DESC, row LIMIT 1`,
    series,
  )?.row;
  if (head === undefined) return;
  db.run(
    'UPDATE cards SET head = (row = ?) WHERE series = ? AND head <> (row = ?)',
    Number(head),
    series,
    Number(head),
  );
}

export function removeCard({ db }: Pick<Stores, 'db'>, id: string): void {
  const before = db.get('SELECT row, series FROM cards WHERE id = ?', id);
  if (!before) return;
  removeWords(db, Number(before.row));
  db.run('DELETE FROM cards WHERE row = ?', Number(before.row));
  chooseHead(db, String(before.series));
}

function putCard(db: Database, { card, sortName, series, step, words }: MergedCard): void {
  const before = db.get('SELECT row, series FROM cards WHERE id = ?', card.id);
  if (before) removeWords(db, Number(before.row));
  db.run(
    `INSERT OR REPLACE INTO cards VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)`,
    ...[before ? Number(before.row) : null, card.id, card.use, card.family, card.kind, card.state],
    ...[sortName, card.folder, card.place, card.bytes, card.modifiedAt, card.addedAt],
    ...[Number(card.favourite), card.rating, series, step, JSON.stringify(card)],
  );
  const row = Number(before?.row ?? db.get('SELECT row FROM cards WHERE id = ?', card.id)?.row);
  const { name, triggers, tags, text, place } = words;
  db.run(
    'INSERT INTO words(rowid, name, triggers, tags, text, place) VALUES (?, ?, ?, ?, ?, ?)',
    ...[row, name, triggers, tags, text, place],
  );
  for (const tag of card.tags) db.run('INSERT OR IGNORE INTO tags VALUES (?, ?, ?)', tag, row, card.use);
  chooseHead(db, series);
  if (before && before.series !== series) chooseHead(db, String(before.series));
}

type Source = Sketch & Partial<Pick<FileRow, 'hashes'>> & { readonly state: FileRow['state'] };

function write({ own, db }: Stores, id: string, source: Source, addedAt: number): void {
  const { sha256, body } = source.hashes ?? {};
  const whole: CardSource = {
    ...source,
    ...{ id, addedAt, fileName: source.name, edit: own.edit(id), previewVersion: own.previewVersion(id) },
    hashes: [sha256, body].filter(hash => hash !== undefined),
  };
  putCard(db, mergeCard(whole));
}

/** Makes a card anew. `scannedAt` is when a new one is said to have come. */
export function refreshCard(stores: Stores, id: string, scannedAt = Date.now()): void {
  const { own, db } = stores;
  const [file] = filesOfCard(db, id);
  const known = own.known(id);
  if (file) {
    const addedAt = id === pocketId ? 0 : (known?.addedAt ?? scannedAt);
    const sketch = JSON.stringify(sketchOf(file));
    if (id !== pocketId && sketch !== known?.sketch) own.setKnown(id, { addedAt, sketch });
    write(stores, id, file, addedAt);
    return;
  }
  const sketch = sketchedFile(stores, id);
  if (known && sketch) write(stores, id, { ...sketch, state: 'missing' }, known.addedAt);
  else removeCard(stores, id);
}

/** Takes a card away; what the user wrote of it stays. */
export function forgetCard(stores: Stores, id: string): void {
  const known = stores.own.known(id);
  if (known) stores.own.setKnown(id, { ...known, sketch: '' });
  removeCard(stores, id);
}

/** What is known of a card without a file. */
export function sketchedFile({ own }: Pick<Stores, 'own'>, id: string): Sketch | undefined {
  const sketch = own.known(id)?.sketch ?? '';
  return sketch === '' ? undefined : (JSON.parse(sketch) as Sketch);
}

/** Cards that were known before this index was made, and whose files were not found: they are missing. */
export function idsToRestore({ own, db }: Stores): string[] {
  if (db.get("SELECT 1 FROM facts_of_index WHERE name = 'restored'")) return [];
  const there = new Set(db.all('SELECT id FROM cards').map(({ id }) => String(id)));
  return own.allKnown().filter(id => !there.has(id));
}

export const noteRestored = ({ db }: Stores): void =>
  db.run("INSERT OR REPLACE INTO facts_of_index VALUES ('restored', '1')");

/** What the user wrote since this index last saw it. */
export function catchUp(stores: Stores): void {
  const { own, db } = stores;
  const writes = String(own.writes());
  if (db.get("SELECT value FROM facts_of_index WHERE name = 'writes'")?.value === writes) return;
  for (const id of own.written()) refreshCard(stores, id);
  noteWrites(stores, writes);
}

/** The index has seen all that the user wrote. */
export function noteWrites({ own, db }: Stores, writes = String(own.writes())): void {
  db.run("UPDATE facts_of_index SET value = ? WHERE name = 'writes'", writes);
}
