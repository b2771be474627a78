/** @file The index: everything derived from files, in a file that can be deleted at any time and is made again. */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { LoraError } from '../../errors.ts';
import { type Database, isDamage, openDatabase } from './database.ts';

/** Raised with every change of what is stored or how facts are told: an older index is made anew. */
const version = '2';

const schema = `
  CREATE TABLE facts_of_index(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  INSERT INTO facts_of_index VALUES ('version', '${version}'), ('writes', '-1');
  -- A row a file (or folder that is one model). 'stamp' and 'sides' change when it, or a side file, does.
  CREATE TABLE files(path TEXT PRIMARY KEY, folder TEXT NOT NULL, place TEXT NOT NULL, name TEXT NOT NULL,
    bytes INTEGER NOT NULL, modified INTEGER NOT NULL, stamp TEXT NOT NULL, sides TEXT NOT NULL, card TEXT NOT NULL,
    state TEXT NOT NULL, facts TEXT NOT NULL, side TEXT NOT NULL, hashes TEXT NOT NULL) STRICT;
  CREATE INDEX files_by_card ON files(card);
  CREATE INDEX files_by_folder ON files(folder);
  -- What a table of tensors says of its file, whatever the metadata beside it: most files have one of a few.
  CREATE TABLE tensor_tables(digest TEXT PRIMARY KEY, facts TEXT NOT NULL) STRICT;
  CREATE TABLE cards(row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, use TEXT NOT NULL, family TEXT NOT NULL,
    kind TEXT NOT NULL, state TEXT NOT NULL, sort_name TEXT NOT NULL, folder TEXT NOT NULL, place TEXT NOT NULL,
    bytes INTEGER NOT NULL, modified INTEGER NOT NULL, added INTEGER NOT NULL, favourite INTEGER NOT NULL,
    rating INTEGER NOT NULL, series TEXT NOT NULL, step REAL NOT NULL,
    head INTEGER NOT NULL, card TEXT NOT NULL) STRICT;
  CREATE INDEX cards_by_name ON cards(sort_name, row);
  CREATE INDEX cards_by_age ON cards(added DESC, modified DESC, row);
  CREATE INDEX cards_by_rating ON cards(rating DESC, favourite DESC, sort_name, row);
  CREATE INDEX cards_by_liking ON cards(favourite DESC, rating DESC, added DESC, modified DESC, row);
  CREATE INDEX cards_by_size ON cards(bytes DESC, row);
  -- 'head' is 1 for the one of a series that stands for it.
  CREATE INDEX cards_by_series ON cards(series, state, step, modified);
  CREATE INDEX cards_by_kind ON cards(use, family, kind, head);
  CREATE INDEX cards_by_state ON cards(state);
  CREATE INDEX cards_by_folder ON cards(folder, place, use);
  CREATE TABLE tags(tag TEXT NOT NULL COLLATE NOCASE, row INTEGER NOT NULL, use TEXT NOT NULL, PRIMARY KEY (tag, row))
    STRICT, WITHOUT ROWID;
  CREATE INDEX tags_by_use ON tags(use, tag);
  CREATE INDEX tags_by_card ON tags(row);
  CREATE VIRTUAL TABLE words USING fts5(name, triggers, tags, text, place, content='', contentless_delete=1,
    prefix='1 2 3 4', tokenize="unicode61 remove_diacritics 2 categories 'L* N* M* Co So'");
`;

const openIndex = (path: string, readOnly: boolean): Database =>
  openDatabase(path, { readOnly, migrations: [schema], synchronous: 'NORMAL' });

const isOfThisVersion = (db: Database): boolean =>
  db.get("SELECT value FROM facts_of_index WHERE name = 'version'")?.value === version;

function removeFiles(path: string): void {
  for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true });
}

/** Whether the index has to be made again: of another version, damaged, or not ours. */
function usable(path: string, readOnly: boolean): Database | undefined {
  let db: Database | undefined;
  try {
    db = openIndex(path, readOnly);
    if (isOfThisVersion(db)) return db;
  } catch (error) {
    const isForeign = error instanceof Error && 'errcode' in error && Number(error.errcode) === 1;
    const isNewer = error instanceof LoraError && error.code === 'LIBRARY_NEWER';
    if (!isDamage(error) && !isForeign && !isNewer) throw error;
  }
  db?.close();
  return undefined;
}

export interface OpenedIndex {
  readonly db: Database;
  /** It was made just now and is empty. */
  readonly isNew: boolean;
}

/** Opens the index; one that cannot be used is made anew. Read-only ones are in memory where there is no file. */
export function openIndexFile(path: string, { readOnly = false, anew = false } = {}): OpenedIndex {
  if (readOnly) {
    const db = existsSync(path) ? usable(path, true) : undefined;
    return db ? { db, isNew: false } : { db: openIndex(':memory:', false), isNew: true };
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const isThere = existsSync(path);
  const db = anew ? undefined : usable(path, false);
  if (db) return { db, isNew: !isThere };
  removeFiles(path);
  return { db: openIndex(path, false), isNew: true };
}
