/** The file of the queue: what is refused, what the disk may do, and when a write is synced. */
import { chmodSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { quickFolder } from '../../../test/support/quick-folder.ts';
import { LoraError } from '../../errors.ts';
import type { JobQueue } from '../queue.ts';
import { migrations } from './schema.ts';
import { openSqliteQueue } from './sqlite-queue.ts';
import { openStore } from './store.ts';

const newFile = (): string => join(temporaryFolder(), 'jobs.sqlite');

async function filledFile(jobs = 200): Promise<string> {
  const file = newFile();
  const queue = openSqliteQueue(file);
  await queue.enqueue(
    Array.from({ length: jobs }, (_, i) => ({
      kind: 'train' as const,
      title: `job ${i}`,
      payload: { text: 'x'.repeat(500) },
    })),
  );
  await queue.close();
  return file;
}

const opening = (file: string) => (): JobQueue => openSqliteQueue(file);

test('a lasting write is synced when it returns; a heartbeat is not', () => {
  const store = openStore(newFile());
  expect(store.get('PRAGMA journal_mode')).toEqual({ journal_mode: 'wal' });
  const level = (name: string): number => Number(store.get(`PRAGMA synchronous -- ${name}`)?.synchronous);
  expect(store.write(() => level('lasting'))).toBe(2);
  expect(store.write(() => level('not lasting'), false)).toBe(1);
  expect(store.write(() => level('lasting again'))).toBe(2);
  store.close();
});

test('a write that throws is undone', () => {
  const store = openStore(newFile());
  const write = () =>
    store.write(() => {
      store.run(`INSERT INTO events (type, job) VALUES ('changed', 'x')`);
      throw new Error('in the middle');
    });
  expect(write).toThrow('in the middle');
  expect(store.all('SELECT * FROM events')).toEqual([]);
  store.close();
});

test('a file of a newer version is refused and left as it is', async () => {
  const file = await filledFile(1);
  const database = new DatabaseSync(file);
  database.exec(`PRAGMA user_version = ${migrations.length + 3}`);
  database.close();
  const before = readFileSync(file);
  expect(opening(file)).toThrow(
    expect.objectContaining({
      code: 'JOBS_NEWER',
      message: expect.stringContaining(
        `version ${migrations.length + 3}; this one knows up to ${migrations.length}`,
      ),
    }),
  );
  expect(readFileSync(file).equals(before)).toBe(true);
});

test('a database of another program is refused and left as it is', () => {
  const file = newFile();
  const database = new DatabaseSync(file);
  database.exec('CREATE TABLE moz_places (id INTEGER)');
  database.close();
  const before = readFileSync(file);
  expect(opening(file)).toThrow(expect.objectContaining({ code: 'JOBS_NOT_OURS' }));
  expect(readFileSync(file).equals(before)).toBe(true);
});

test('an empty file is a new one', async () => {
  const file = newFile();
  writeFileSync(file, '');
  const queue = openSqliteQueue(file);
  expect((await queue.list()).total).toBe(0);
  await queue.close();
});

test.each<[string, (file: string) => void]>([
  ['text', file => writeFileSync(file, 'this is no database, whatever its name says. '.repeat(100))],
  ['half a file', file => truncateSync(file, readFileSync(file).length / 2)],
  [
    'zeros in the middle',
    file => {
      const bytes = readFileSync(file);
      bytes.fill(0, 8192, bytes.length - 8192);
      writeFileSync(file, bytes);
    },
  ],
  [
    'noise in the middle',
    file => {
      const bytes = readFileSync(file);
      for (let i = 4096; i < bytes.length; i++) bytes[i] = (i * 2_654_435_761) >>> 13;
      writeFileSync(file, bytes);
    },
  ],
])('damaged: %s → JOBS_CORRUPT with a hint', async (_, damage) => {
  const file = await filledFile();
  damage(file);
  expect(opening(file)).toThrow(
    expect.objectContaining({
      code: 'JOBS_CORRUPT',
      message: expect.stringContaining(file),
      hint: expect.stringContaining('Move it away'),
    }),
  );
});

test('whatever byte is wrong: opened or refused, and never an error without a code', async () => {
  const whole = readFileSync(await filledFile(60));
  const folder = quickFolder();
  const file = join(folder, 'jobs.sqlite');
  for (let i = 0; i < 150; i++) {
    const bytes = Buffer.from(whole);
    // Half of them in the header and the schema, where most depends on them.
    const at = i % 2 ? (i * 7919) % 600 : (i * 104_729) % bytes.length;
    bytes[at] = (bytes[at] ?? 0) ^ (1 + (i % 255));
    writeFileSync(file, bytes);
    let queue: JobQueue | undefined;
    try {
      queue = openSqliteQueue(file);
      await queue.list();
      await queue.enqueue([{ kind: 'train', title: 'one more', payload: {} }]);
      await queue.lease(['train'], { id: 'w', pid: 1 });
    } catch (error) {
      if (!(error instanceof LoraError)) throw new Error(`byte ${at}: ${error}`, { cause: error });
      expect(error.code).toMatch(/^JOBS_|^DISK_FAILS$/);
    }
    await queue?.close();
  }
  rmSync(folder, { recursive: true });
});

test('a folder that is not there, and a folder in its place', () => {
  expect(opening(join(temporaryFolder(), 'nowhere', 'jobs.sqlite'))).toThrow(
    expect.objectContaining({ code: 'JOBS_UNREADABLE' }),
  );
  const file = newFile();
  mkdirSync(file);
  expect(opening(file)).toThrow(expect.objectContaining({ code: 'JOBS_UNREADABLE' }));
});

/** As somebody who is not root, whom no permission binds. */
function asNobody<T>(work: () => T): T {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
  }
}

test.skipIf(process.platform === 'win32')(
  'a file or folder that may not be written → DATA_READ_ONLY',
  async () => {
    const file = await filledFile(3);
    for (let folder = dirname(file), i = 0; i < 2; i++, folder = dirname(folder)) chmodSync(folder, 0o755);
    chmodSync(dirname(file), 0o555);
    chmodSync(file, 0o444);
    const open = () => asNobody(opening(file));
    expect(open).toThrow(
      expect.objectContaining({ code: 'DATA_READ_ONLY', hint: expect.stringContaining('right to write') }),
    );
    // Whether a folder may be written is asked for the real user, whom asNobody leaves as it is.
    if (process.getuid?.() !== 0)
      expect(opening(join(dirname(file), 'new.sqlite'))).toThrow(
        expect.objectContaining({ code: 'DATA_READ_ONLY' }),
      );
    chmodSync(dirname(file), 0o755);
  },
);

test('a full disk → DISK_FULL; nothing is changed, and it goes on when there is space', () => {
  const store = openStore(newFile());
  const [pages] = Object.values(store.get('PRAGMA page_count') ?? {});
  store.get(`PRAGMA max_page_count = ${Number(pages) + 4}`);
  const write = (size: number) => () =>
    store.write(() => {
      store.run(`INSERT INTO events (type, job) VALUES ('changed', 'x')`);
      store.run(`INSERT INTO events (type, job, snapshot) VALUES ('removed', 'y', $text)`, {
        text: 'x'.repeat(size),
      });
    });
  expect(write(100_000)).toThrow(
    expect.objectContaining({ code: 'DISK_FULL', hint: expect.stringContaining('Free some space') }),
  );
  expect(store.all('SELECT * FROM events')).toEqual([]);
  write(10)();
  expect(store.all('SELECT seq FROM events')).toHaveLength(2);
  store.close();
});

test('another process that does not let go → JOBS_BUSY after a while', () => {
  const file = newFile();
  const store = openStore(file, 100);
  const hog = openStore(file);
  const write = () => store.write(() => store.run(`INSERT INTO events (type, job) VALUES ('changed', 'x')`));
  hog.write(() => {
    expect(store.all('SELECT * FROM events')).toEqual([]); // reads go on
    expect(write).toThrow(expect.objectContaining({ code: 'JOBS_BUSY' }));
  });
  expect(write()).toBe(1);
  for (const one of [store, hog]) one.close();
});

test('the log of events does not grow with what is over', async () => {
  const file = newFile();
  const queue = openSqliteQueue(file, { keepEvents: 50 });
  for (let i = 0; i < 40; i++) {
    await queue.enqueue([{ kind: 'train', title: `${i}`, payload: {} }]);
    const lease = await queue.lease(['train'], { id: 'w', pid: 1 });
    if (lease) await queue.complete(lease, []);
    await queue.remove(lease?.jobId ?? '');
  }
  expect((await queue.list()).seq).toBe(160);
  await queue.close();
  const store = openStore(file);
  for (const [table, rows] of Object.entries({ events: 50, jobs: 0, contents: 0, artefacts: 0, needs: 0 }))
    expect(store.get(`SELECT count(*) AS rows FROM ${table}`), table).toEqual({ rows });
  store.close();
});
