/** @file The index of the history in the cache, with full text of prompts; and what the user said of pictures, in the data folder. */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { PictureFacts } from './picture-facts.ts';
import type { PictureFile } from './picture-files.ts';

export interface IndexedPicture extends PictureFacts {
  readonly id: string;
  readonly place: string;
  readonly bytes: number;
  readonly changedAt: number;
  readonly favourite: boolean;
  readonly jobId?: string | undefined;
}

export interface PictureQuery {
  readonly text?: string | undefined;
  readonly favourite?: boolean | undefined;
  readonly jobId?: string | undefined;
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
}

export interface IndexStore {
  ids(): string[];
  put(file: PictureFile, facts: PictureFacts): void;
  drop(ids: readonly string[]): void;
  get(id: string): IndexedPicture | undefined;
  search(query: PictureQuery): { total: number; pictures: IndexedPicture[] };
  setFavourite(id: string, favourite: boolean): void;
  setJob(id: string, jobId: string): void;
  /** Not favourites, older than this time. */
  older(than: number): IndexedPicture[];
  close(): void;
}

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS pictures (
    id TEXT PRIMARY KEY, place TEXT NOT NULL, bytes INTEGER NOT NULL, changed REAL NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, seed TEXT NOT NULL, model TEXT NOT NULL,
    prompt TEXT NOT NULL, negative TEXT NOT NULL, loras TEXT NOT NULL
  );
  CREATE INDEX IF NOT EXISTS by_time ON pictures (changed DESC, place DESC);
  CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
    id UNINDEXED, prompt, negative, others, tokenize = "unicode61 remove_diacritics 2", prefix = '2 3'
  );
`;
const saidSchema = `
  PRAGMA said.journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS said.favourites (id TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS said.jobs (id TEXT PRIMARY KEY, job TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS said.by_job ON jobs (job);
`;

function openDatabase(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true });
  const database = new DatabaseSync(path);
  try {
    database.exec(schema);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** The index can be made again; one that is damaged, or cannot be kept, is. */
function openIndex(path: string): DatabaseSync {
  try {
    return openDatabase(path);
  } catch {
    for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true });
  }
  try {
    return openDatabase(path);
  } catch {
    const database = new DatabaseSync(':memory:');
    database.exec(schema);
    return database;
  }
}

function attach(database: DatabaseSync, path: string): void {
  database.prepare('ATTACH DATABASE ? AS said').run(path);
  database.exec(saidSchema);
}

/** What the user said is never thrown away: a damaged file is kept beside the new one. */
function attachSaid(database: DatabaseSync, path: string): void {
  try {
    attach(database, path);
  } catch {
    try {
      database.exec('DETACH DATABASE said');
    } catch {
      // it was not attached
    }
    const aside = `${path}.damaged-${Date.now()}`;
    renameSync(path, aside);
    attach(database, path);
  }
}

/** Each word begins a word of the picture. */
const matchOf = (text: string): string =>
  (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])
    .slice(0, 32)
    .map(word => `"${word}"*`)
    .join(' ');

interface Row {
  readonly [name: string]: SQLInputValue;
}

const pictureOf = (row: Row): IndexedPicture => ({
  ...{ id: row.id as string, place: row.place as string, bytes: row.bytes as number },
  ...{ changedAt: row.changed as number, width: row.width as number, height: row.height as number },
  ...{ seed: row.seed as string, model: row.model as string, prompt: row.prompt as string },
  ...{ negativePrompt: row.negative as string, loras: JSON.parse(row.loras as string) },
  favourite: row.favourite === 1,
  ...(row.job === null ? {} : { jobId: row.job as string }),
});

const columns = `
  p.*, f.id IS NOT NULL AS favourite, j.job AS job
  FROM pictures p LEFT JOIN said.favourites f ON f.id = p.id LEFT JOIN said.jobs j ON j.id = p.id
`;

export function openIndexStore(indexPath: string, saidPath: string): IndexStore {
  const database = openIndex(indexPath);
  attachSaid(database, saidPath);
  const insert = database.prepare('INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const insertWords = database.prepare('INSERT INTO words VALUES (?, ?, ?, ?)');
  const dropWords = database.prepare('DELETE FROM words WHERE id = ?');
  const dropRow = database.prepare('DELETE FROM pictures WHERE id = ?');
  const one = database.prepare(`SELECT ${columns} WHERE p.id = ?`);

  const whole = (work: () => void): void => {
    database.exec('BEGIN');
    try {
      work();
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  };

  return {
    ids: () =>
      (database.prepare('SELECT id FROM pictures').all() as unknown as Row[]).map(row => row.id as string),
    put({ id, place, bytes, changedAt }, facts) {
      const { width, height, seed, model, prompt, negativePrompt, loras } = facts;
      whole(() => {
        dropWords.run(id);
        insert.run(
          ...[id, place, bytes, changedAt, width, height, seed, model, prompt, negativePrompt],
          JSON.stringify(loras),
        );
        insertWords.run(
          id,
          prompt,
          negativePrompt,
          [model, seed, ...loras.map(({ name }) => name)].join(' '),
        );
      });
    },
    drop(ids) {
      if (ids.length === 0) return;
      whole(() => {
        for (const id of ids) {
          dropRow.run(id);
          dropWords.run(id);
        }
      });
    },
    get(id) {
      const row = one.get(id) as Row | undefined;
      return row && pictureOf(row);
    },
    search({ text = '', favourite, jobId, limit = 100, offset = 0 }) {
      const match = matchOf(text);
      if (text.trim() !== '' && match === '') return { total: 0, pictures: [] };
      const conditions = [
        ...(match === '' ? [] : ['p.id IN (SELECT id FROM words WHERE words MATCH ?)']),
        ...(favourite === undefined ? [] : [`f.id IS ${favourite ? 'NOT ' : ''}NULL`]),
        ...(jobId === undefined ? [] : ['j.job = ?']),
      ];
      const values = [...(match === '' ? [] : [match]), ...(jobId === undefined ? [] : [jobId])];
      const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
      const [, from] = columns.split('\n  FROM');
      const counted = database.prepare(`SELECT COUNT(*) AS n FROM ${from} ${where}`).get(...values);
      const rows = database
        .prepare(`SELECT ${columns} ${where} ORDER BY p.changed DESC, p.place DESC LIMIT ? OFFSET ?`)
        .all(...values, limit, offset) as unknown as Row[];
      return { total: (counted as { n: number }).n, pictures: rows.map(pictureOf) };
    },
    setFavourite(id, favourite) {
      const say = favourite
        ? 'INSERT OR IGNORE INTO said.favourites VALUES (?)'
        : 'DELETE FROM said.favourites WHERE id = ?';
      database.prepare(say).run(id);
    },
    setJob: (id, jobId) =>
      void database.prepare('INSERT OR REPLACE INTO said.jobs VALUES (?, ?)').run(id, jobId),
    older(than) {
      const rows = database
        .prepare(`SELECT ${columns} WHERE p.changed < ? AND f.id IS NULL`)
        .all(than) as unknown as Row[];
      return rows.map(pictureOf);
    },
    close: () => database.close(),
  };
}
