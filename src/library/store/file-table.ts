/** @file Files in the index: a row each, whether they are there or away. */
import type { CardHashes } from '../card.ts';
import type { FileFacts } from '../facts/file-facts.ts';
import type { KeptSide } from '../facts/from-side-files.ts';
import type { KnownTable, KnownTables } from '../facts/read-facts.ts';
import type { FoundModel } from '../scan/walk.ts';
import type { Database, Row } from './database.ts';

export interface FileRow {
  readonly path: string;
  readonly folder: string;
  readonly place: string;
  readonly name: string;
  readonly bytes: number;
  readonly modified: number;
  readonly stamp: string;
  readonly sides: string;
  readonly card: string;
  readonly state: 'present' | 'missing';
  readonly is: FoundModel['is'];
  readonly siblings: readonly string[];
  readonly facts: FileFacts;
  readonly side: KeptSide;
  readonly hashes: CardHashes;
}

/** What a scan compares. */
export type FileStamp = Pick<FileRow, 'path' | 'folder' | 'stamp' | 'sides' | 'card' | 'state' | 'place'>;

type Facts = { is: FoundModel['is']; siblings: readonly string[]; facts: FileFacts };

function rowOf(row: Row): FileRow {
  const { is, siblings, facts } = JSON.parse(String(row.facts)) as Facts;
  return {
    ...{ path: String(row.path), folder: String(row.folder), place: String(row.place) },
    ...{ name: String(row.name), bytes: Number(row.bytes), modified: Number(row.modified) },
    ...{ stamp: String(row.stamp), sides: String(row.sides), card: String(row.card) },
    state: row.state === 'present' ? 'present' : 'missing',
    ...{ is, siblings, facts },
    side: JSON.parse(String(row.side)) as KeptSide,
    hashes: JSON.parse(String(row.hashes)) as CardHashes,
  };
}

export const fileStamps = (db: Database): FileStamp[] =>
  db.all('SELECT path, folder, place, stamp, sides, card, state FROM files') as unknown as FileStamp[];

/** Files of a card: those that are there first. */
export const filesOfCard = (db: Database, card: string): FileRow[] =>
  db.all("SELECT * FROM files WHERE card = ? ORDER BY state = 'missing', path", card).map(rowOf);

export function putFile(db: Database, file: FileRow): void {
  const { is, siblings, facts } = file;
  db.run(
    'INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ...[file.path, file.folder, file.place, file.name, file.bytes, file.modified, file.stamp, file.sides],
    ...[file.card, file.state, JSON.stringify({ is, siblings, facts } satisfies Facts)],
    ...[JSON.stringify(file.side), JSON.stringify(file.hashes)],
  );
}

export const setFileState = (db: Database, path: string, state: FileRow['state']): void =>
  db.run('UPDATE files SET state = ? WHERE path = ?', state, path);

export const setFileHashes = (db: Database, path: string, hashes: CardHashes): void =>
  db.run('UPDATE files SET hashes = ? WHERE path = ?', JSON.stringify(hashes), path);

export const removeFile = (db: Database, path: string): void =>
  db.run('DELETE FROM files WHERE path = ?', path);

/** Tables of tensors that were seen, those of this process in memory. */
export function openKnownTables(db: Database): KnownTables {
  const seen = new Map<string, KnownTable>();
  const most = 2000;
  return {
    get(key) {
      const known = seen.get(key);
      if (known) return known;
      const row = db.get('SELECT facts FROM tensor_tables WHERE digest = ?', key);
      if (!row) return undefined;
      const table = JSON.parse(String(row.facts)) as KnownTable;
      if (seen.size < most) seen.set(key, table);
      return table;
    },
    set(key, table) {
      if (seen.size < most) seen.set(key, table);
      db.run('INSERT OR REPLACE INTO tensor_tables VALUES (?, ?)', key, JSON.stringify(table));
    },
  };
}
