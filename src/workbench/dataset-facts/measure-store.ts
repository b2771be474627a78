/** @file Measures of pictures on disk: one SQLite file in the cache, which may be damaged, deleted or in use elsewhere. */
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { ByteStore } from '../../dataset/index.ts';

export interface MeasureStore extends ByteStore {
  /** Writes what was put and lets go of the file. */
  close(): void;
}

export interface StoreOptions {
  /** Of all values together; the oldest used go. */
  readonly mostBytes?: number;
}

/** Some 15 thousand pictures; with their small pictures for pages half as many. */
const usualMostBytes = 256 * 2 ** 20;
/** How far it shrinks when it is full, so that it is not full again at once. */
const shrunk = 0.9;
/** Put so often, then written: what is lost where the process is killed. */
const batch = 64;
/** When values were used last is known to a day: looking alone seldom writes. */
const dayMs = 86_400_000;
const today = (): number => Math.floor(Date.now() / dayMs);

/** Raise it with the tables. */
const schemaVersion = 1;
const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS kept (
    key TEXT PRIMARY KEY, value BLOB NOT NULL, bytes INTEGER NOT NULL, sum TEXT NOT NULL, used INTEGER NOT NULL
  );
  CREATE INDEX IF NOT EXISTS kept_by_use ON kept (used, bytes);
  PRAGMA user_version = ${schemaVersion};
`;

/** Primary result codes that say nothing against the file: PERM, BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN. */
const innocent = new Set([3, 5, 6, 7, 8, 10, 13, 14]);

function isDamaged(error: unknown): boolean {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : undefined;
  return code !== undefined && !innocent.has(code & 0xff);
}

function openDatabase(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(path, { timeout: 1000 });
  try {
    const found = Number(database.prepare('PRAGMA user_version').get()?.user_version);
    if (found !== 0 && found !== schemaVersion)
      throw Object.assign(new Error('another layout'), { errcode: 1 });
    if (found === 0) database.exec(schema);
    database.prepare('SELECT key, value, bytes, sum, used FROM kept LIMIT 1').get();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Opens the file; a damaged one begins anew. Undefined where there can be none. */
function openSomehow(path: string): DatabaseSync | undefined {
  try {
    return openDatabase(path);
  } catch (error) {
    if (!isDamaged(error)) return undefined;
  }
  try {
    for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true });
    return openDatabase(path);
  } catch {
    return undefined;
  }
}

const sumOf = (key: string, value: Uint8Array): string =>
  createHash('sha256').update(key).update(value).digest('hex').slice(0, 32);

interface Statements {
  readonly one: StatementSync;
  readonly put: StatementSync;
  readonly touch: StatementSync;
  readonly size: StatementSync;
  readonly shrink: StatementSync;
}

const statements = (database: DatabaseSync): Statements => ({
  one: database.prepare('SELECT value, sum, used FROM kept WHERE key = ?'),
  put: database.prepare('INSERT OR REPLACE INTO kept (key, value, bytes, sum, used) VALUES (?, ?, ?, ?, ?)'),
  touch: database.prepare('UPDATE kept SET used = ? WHERE key = ?'),
  size: database.prepare('SELECT total(bytes) AS bytes FROM kept'),
  shrink: database.prepare(`DELETE FROM kept WHERE rowid IN (SELECT row FROM
    (SELECT rowid AS row, sum(bytes) OVER (ORDER BY used DESC, rowid DESC) AS kept FROM kept) WHERE kept > ?)`),
});

interface Opened extends Statements {
  readonly database: DatabaseSync;
}

function openWhole(path: string): Opened | undefined {
  const database = openSomehow(path);
  return database && { database, ...statements(database) };
}

/** Opens nothing before it is asked something. Where the file cannot be used, nothing is found and nothing kept. */
export function openMeasureStore(
  path: string,
  { mostBytes = usualMostBytes }: StoreOptions = {},
): MeasureStore {
  let opened: Opened | undefined | 'not yet' = 'not yet';
  const pending = new Map<string, Uint8Array>();
  const stale = new Set<string>();

  const file = (): Opened | undefined => {
    if (opened === 'not yet') opened = openWhole(path);
    return opened;
  };
  const letGo = (): void => {
    if (opened !== 'not yet') opened?.database.close();
    opened = undefined;
  };
  /** A cache that fails costs time, not a report. */
  const attempt = <T>(work: (own: Opened) => T): T | undefined => {
    const own = file();
    if (!own) return undefined;
    try {
      return work(own);
    } catch (error) {
      if (own.database.isTransaction) own.database.exec('ROLLBACK');
      letGo();
      if (isDamaged(error)) for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true });
      return undefined;
    }
  };
  const write = (): void => {
    if (pending.size === 0 && stale.size === 0) return;
    attempt(own => {
      own.database.exec('BEGIN IMMEDIATE');
      const now = today();
      for (const key of stale) own.touch.run(now, key);
      for (const [key, value] of pending) own.put.run(key, value, value.length, sumOf(key, value), now);
      if (pending.size > 0 && Number(own.size.get()?.bytes) > mostBytes) own.shrink.run(shrunk * mostBytes);
      own.database.exec('COMMIT');
    });
    pending.clear();
    stale.clear();
  };

  return {
    get(key) {
      const waiting = pending.get(key);
      if (waiting) return waiting;
      const row = attempt(({ one }) => one.get(key));
      if (!row) return undefined;
      const value = row.value as Uint8Array;
      if (!(value instanceof Uint8Array) || sumOf(key, value) !== row.sum) return undefined;
      if (row.used !== today()) stale.add(key);
      return value;
    },
    put(key, value) {
      pending.set(key, value);
      if (pending.size >= batch) write();
    },
    close() {
      write();
      letGo();
    },
  };
}
