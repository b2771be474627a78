/** @file The file of the queue: opened, checked and brought to this version; reads and writes as transactions. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { LoraError } from '../../errors.ts';
import { applicationId, migrations } from './schema.ts';
import { corruptError, isBusy, sqliteError } from './sqlite-errors.ts';

export type Values = Readonly<Record<string, SQLInputValue>>;
export type Row = Readonly<Record<string, unknown>>;

export interface Store {
  readonly file: string;
  all(sql: string, values?: Values): Row[];
  get(sql: string, values?: Values): Row | undefined;
  /** The number of rows that were changed. */
  run(sql: string, values?: Values): number;
  /** What is read within it was so at one moment. */
  read<T>(work: () => T): T;
  /**
   * Whole or not at all, after all others that write. A lasting write is on the disk when this returns. One that is not
   * outlives this process, but a power loss may undo it, unless a lasting one followed.
   */
  write<T>(work: () => T, isLasting?: boolean): T;
  /** Changes when another connection has written. */
  version(): number;
  readonly isOpen: boolean;
  close(): void;
}

/** How many milliseconds a write waits for those of other processes; theirs take some. */
const usualPatience = 5000;

/** Opens the file, makes it where there is none. Throws JOBS_CORRUPT, JOBS_NEWER, JOBS_NOT_OURS, DATA_READ_ONLY, DISK_* … */
export function openStore(file: string, patience = usualPatience): Store {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: patience });
    prepareFile(database, file, patience);
    return storeOf(database, file);
  } catch (cause) {
    database?.close();
    throw sqliteError(file, cause);
  }
}

const pragma = (database: DatabaseSync, name: string): unknown =>
  Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];

function prepareFile(database: DatabaseSync, file: string, patience: number): void {
  checkFile(database, file);
  // Several processes that open a new file at once: the change of mode does not wait by itself.
  for (let wait = 1; ; wait *= 2) {
    try {
      database.exec('PRAGMA journal_mode = WAL');
      break;
    } catch (cause) {
      if (!isBusy(cause) || wait > patience) throw cause;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, wait);
    }
  }
  database.exec('PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 16777216');
  // Also where there is nothing to do: a file that cannot be written is told now, not with the first job.
  database.exec('BEGIN IMMEDIATE');
  const version = pragma(database, 'user_version') as number; // another process may have been first
  for (const step of migrations.slice(version)) database.exec(step);
  database.exec(
    `PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${migrations.length}; COMMIT`,
  );
}

function checkFile(database: DatabaseSync, file: string): void {
  const version = pragma(database, 'user_version') as number;
  const owner = pragma(database, 'application_id') as number;
  const isNew = pragma(database, 'schema_version') === 0;
  if (!isNew && owner !== applicationId)
    throw new LoraError('JOBS_NOT_OURS', `${file} is a database of another program`, {
      exit: 'badInput',
      hint: 'Move it away, or choose another data folder.',
    });
  if (version > migrations.length) {
    const message = `the list of jobs ${file} was written by a newer lora-studio (version ${version}; this one knows up to ${migrations.length})`;
    throw new LoraError('JOBS_NEWER', message, {
      exit: 'badInput',
      hint: 'Use the newer one, or another data folder.',
    });
  }
  const finding = pragma(database, 'quick_check(1)');
  if (finding !== 'ok') throw corruptError(file, String(finding).replaceAll('\n', ' '));
}

function storeOf(database: DatabaseSync, file: string): Store {
  const statements = new Map<string, StatementSync>();
  const prepared = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known) return known;
    if (!database.isOpen)
      throw new LoraError('JOBS_CLOSED', `the list of jobs ${file} is closed`, {
        hint: 'The studio is about to stop.',
      });
    const statement = database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  const asked = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      throw sqliteError(file, cause);
    }
  };
  const transaction = <T>(begin: string, work: () => T): T =>
    asked(() => {
      prepared(begin).run();
      try {
        const outcome = work();
        prepared('COMMIT').run();
        return outcome;
      } catch (cause) {
        // Where the disk failed, SQLite may have rolled back by itself.
        if (database.isTransaction) prepared('ROLLBACK').run();
        throw cause;
      }
    });
  let isLastingNow = true;
  const setLasting = (isLasting: boolean): void => {
    if (isLasting === isLastingNow) return;
    // In WAL mode, FULL syncs the log with every commit; NORMAL leaves that to the next FULL commit or checkpoint. It is
    // not kept as a statement: SQLite sets it when it reads the text, not when it runs it.
    if (database.isOpen) asked(() => database.exec(`PRAGMA synchronous = ${isLasting ? 'FULL' : 'NORMAL'}`));
    isLastingNow = isLasting;
  };
  return {
    file,
    all: (sql, values = {}) => asked(() => prepared(sql).all(values)),
    get: (sql, values = {}) => asked(() => prepared(sql).get(values)),
    run: (sql, values = {}) => asked(() => Number(prepared(sql).run(values).changes)),
    read: work => transaction('BEGIN', work),
    write(work, isLasting = true) {
      setLasting(isLasting);
      return transaction('BEGIN IMMEDIATE', work);
    },
    version: () => asked(() => Object.values(prepared('PRAGMA data_version').get() ?? {})[0] as number),
    get isOpen() {
      return database.isOpen;
    },
    close() {
      statements.clear();
      if (database.isOpen) database.close();
    },
  };
}
