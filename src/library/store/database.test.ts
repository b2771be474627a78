/** @file Faults of the disk have stable codes, and nothing of a failed write stays. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { openDatabase } from './database.ts';

const migrations = ['CREATE TABLE words(word TEXT)'];

test('a full disk', () => {
  const path = join(temporaryFolder(), 'full.sqlite');
  const full = { migrations, synchronous: 'FULL' } as const;
  const database = openDatabase(path, full);
  database.get('PRAGMA max_page_count = 10');
  database.run("INSERT INTO words VALUES ('kept')");
  const write = (): void =>
    database.atOnce(() => {
      database.run("INSERT INTO words VALUES ('lost')");
      database.run('INSERT INTO words VALUES (?)', 'x'.repeat(100_000));
    });
  expect(write).toThrow(expect.objectContaining({ code: 'DISK_FULL' }));
  expect(database.all('SELECT word FROM words')).toEqual([{ word: 'kept' }]);
  database.close();
});

test('who may only read', () => {
  const path = join(temporaryFolder(), 'read.sqlite');
  openDatabase(path, { migrations, synchronous: 'FULL' }).close();
  const reader = openDatabase(path, { migrations, synchronous: 'FULL', readOnly: true });
  const write = (): void => reader.run("INSERT INTO words VALUES ('x')");
  expect(write).toThrow(expect.objectContaining({ code: 'DATA_READ_ONLY' }));
  expect(reader.all('SELECT word FROM words')).toEqual([]);
  reader.close();
});

test('migrations of two versions are done once, one after the other', () => {
  const path = join(temporaryFolder(), 'old.sqlite');
  openDatabase(path, { migrations, synchronous: 'FULL' }).close();
  const newer = [...migrations, "ALTER TABLE words ADD COLUMN kind TEXT NOT NULL DEFAULT 'noun'"];
  for (let i = 0; i < 2; i++) {
    const database = openDatabase(path, { migrations: newer, synchronous: 'FULL' });
    database.run('INSERT INTO words(word) VALUES (?)', `${i}`);
    expect(database.all('SELECT kind FROM words')).toHaveLength(i + 1);
    database.close();
  }
  const old = () => openDatabase(path, { migrations, synchronous: 'FULL' });
  expect(old).toThrow(expect.objectContaining({ code: 'LIBRARY_NEWER' }));
});
