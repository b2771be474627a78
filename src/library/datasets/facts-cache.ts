/** @file What was read of the files of data sets, kept in the cache until they change; without a cache it is read again. */
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface Fault {
  readonly code: string;
  readonly message: string;
}

export interface KeptFacts {
  /** Size, time and number of the picture's file. */
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly fault?: Fault | undefined;
  /** The same of its caption files, and what metadata files say. */
  readonly captionKey: string;
  readonly caption: string;
  readonly source: string;
  readonly captionFault?: Fault | undefined;
}

export interface FactsCache {
  /** By path within the folder. */
  of(folder: string): Map<string, KeptFacts>;
  keep(folder: string, changed: ReadonlyMap<string, KeptFacts>, gone: readonly string[]): void;
  close(): void;
}

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = OFF;
  CREATE TABLE IF NOT EXISTS facts (folder TEXT, name TEXT, json TEXT NOT NULL, PRIMARY KEY (folder, name)) WITHOUT ROWID;
`;

function openFile(path: string): DatabaseSync {
  const open = (): DatabaseSync => {
    mkdirSync(dirname(path), { recursive: true });
    const database = new DatabaseSync(path);
    try {
      database.exec(schema);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  };
  try {
    return open();
  } catch {
    // Damaged, or of another program: it is a cache.
    for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true });
    return open();
  }
}

function openSomewhere(path: string): DatabaseSync {
  try {
    return openFile(path);
  } catch {
    const database = new DatabaseSync(':memory:');
    database.exec(schema);
    return database;
  }
}

/** Opens the cache; one that is damaged begins anew, one that cannot be written lasts as long as the process. */
export function openFactsCache(path: string): FactsCache {
  const database = openSomewhere(path);
  const all = database.prepare('SELECT name, json FROM facts WHERE folder = ?');
  const put = database.prepare('INSERT OR REPLACE INTO facts VALUES (?, ?, ?)');
  const drop = database.prepare('DELETE FROM facts WHERE folder = ? AND name = ?');
  return {
    of(folder) {
      const rows = all.all(folder) as unknown as { name: string; json: string }[];
      return new Map(rows.map(({ name, json }) => [name, JSON.parse(json) as KeptFacts]));
    },
    keep(folder, changed, gone) {
      if (changed.size === 0 && gone.length === 0) return;
      try {
        database.exec('BEGIN');
        for (const [name, facts] of changed) put.run(folder, name, JSON.stringify(facts));
        for (const name of gone) drop.run(folder, name);
        database.exec('COMMIT');
      } catch {
        if (database.isTransaction) database.exec('ROLLBACK'); // a full disk: it is read again next time
      }
    },
    close: () => database.close(),
  };
}
