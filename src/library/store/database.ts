/** @file node:sqlite as the library uses it: opened, brought to its newest form, and told apart when damaged. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { LoraError } from '../../errors.ts';

export interface OpenDatabaseOptions {
  readonly readOnly?: boolean | undefined;
  /** One script a version; what is done once is never changed, new ones are added at the end. */
  readonly migrations: readonly string[];
  /** `FULL` for what cannot be made again. */
  readonly synchronous: 'FULL' | 'NORMAL';
}

export type Row = Readonly<Record<string, unknown>>;

/** A database with its statements prepared once. */
export interface Database {
  run(sql: string, ...values: SQLInputValue[]): void;
  get(sql: string, ...values: SQLInputValue[]): Row | undefined;
  all(sql: string, ...values: SQLInputValue[]): Row[];
  /** All or nothing of what `work` writes; not `lasting`: a loss of power may take it back as a whole. */
  atOnce<T>(work: () => T, options?: { readonly lasting?: boolean }): T;
  close(): void;
}

/** Other processes that write are waited for. */
const busyMilliseconds = 5000;

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
const damageCodes = new Set([11, 26]);

/** Whether the file, not the question, is at fault. */
export const isDamage = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && damageCodes.has(Number(error.errcode) & 0xff);

/** SQLITE_FULL, SQLITE_READONLY, SQLITE_BUSY and SQLITE_IOERR, which are of the disk or of others. */
const faults: ReadonlyMap<number, readonly [code: string, why: string, hint: string]> = new Map([
  [13, ['DISK_FULL', 'there is no space left', 'Free some space, then try again.']],
  [
    8,
    [
      'DATA_READ_ONLY',
      'it may not be written to',
      'Check its permissions, and whether its disk is read-only.',
    ],
  ],
  [5, ['LIBRARY_BUSY', 'another process is writing to it', 'Try again in a moment.']],
  [10, ['DISK_FAILS', 'the disk reports an error', 'Check the disk, and whether it is full.']],
]);

function asFault(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('errcode' in error)) return error;
  const fault = faults.get(Number(error.errcode) & 0xff);
  if (!fault) return error;
  const [code, why, hint] = fault;
  return new LoraError(code, `${path} cannot be written: ${why}`, { hint, cause: error });
}

function migrate(database: DatabaseSync, path: string, migrations: readonly string[]): void {
  const versionNow = (): number => Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
  if (versionNow() === migrations.length) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    // Another process may have done it meanwhile.
    const version = versionNow();
    if (version > migrations.length)
      throw new LoraError(
        'LIBRARY_NEWER',
        `${path} has version ${version}, this program knows up to ${migrations.length}`,
        { hint: 'It was written by a newer lora-studio; use that one.' },
      );
    for (const script of migrations.slice(version)) database.exec(script);
    database.exec(`PRAGMA user_version = ${migrations.length}`);
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

function prepared(database: DatabaseSync): (sql: string) => StatementSync {
  const known = new Map<string, StatementSync>();
  return sql => {
    const statement = known.get(sql) ?? database.prepare(sql);
    known.set(sql, statement);
    return statement;
  };
}

/** Opens a file, or makes it. Throws LIBRARY_NEWER, and what `isDamage` tells; later DISK_FULL, DATA_READ_ONLY, DISK_FAILS, LIBRARY_BUSY. */
export function openDatabase(path: string, options: OpenDatabaseOptions): Database {
  const { readOnly = false, migrations, synchronous } = options;
  const database = new DatabaseSync(path, { readOnly, timeout: busyMilliseconds });
  try {
    if (!readOnly) {
      database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`);
      migrate(database, path, migrations);
    }
    database.exec('PRAGMA cache_size = -32000; PRAGMA temp_store = MEMORY');
    // Reads the first page, so that damage is found here.
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
  } catch (error) {
    database.close();
    throw asFault(error, path);
  }
  const statement = prepared(database);
  const told = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw asFault(error, path);
    }
  };
  let depth = 0;
  return {
    run: (sql, ...values) => void told(() => statement(sql).run(...values)),
    get: (sql, ...values) => told(() => statement(sql).get(...values)) as Row | undefined,
    all: (sql, ...values) => told(() => statement(sql).all(...values)) as Row[],
    atOnce(work, { lasting = true } = {}) {
      if (depth > 0) return work();
      if (!lasting) database.exec('PRAGMA synchronous = NORMAL');
      told(() => database.exec('BEGIN IMMEDIATE'));
      depth++;
      try {
        const result = work();
        told(() => database.exec('COMMIT'));
        return result;
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      } finally {
        depth--;
        if (!lasting) database.exec(`PRAGMA synchronous = ${synchronous}`);
      }
    },
    close: () => {
      if (database.isOpen) database.close();
    },
  };
}
