/** The file of measures: what is put comes back, damage does not, the oldest goes, two processes share it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { openMeasureStore } from './measure-store.ts';

const newPath = (): string => join(temporaryFolder(), 'cache', 'measures.sqlite');
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

function putAll(path: string, entries: Readonly<Record<string, string>>, mostBytes?: number): void {
  const store = openMeasureStore(path, mostBytes === undefined ? {} : { mostBytes });
  for (const [key, text] of Object.entries(entries)) store.put(key, bytesOf(text));
  store.close();
}

function textAt(path: string, key: string): string | undefined {
  const store = openMeasureStore(path);
  const bytes = store.get(key);
  store.close();
  return bytes && Buffer.from(bytes).toString();
}

function change(path: string, statement: string): void {
  const database = new DatabaseSync(path);
  database.exec(statement);
  database.close();
}

test('what is put comes back, at once and later; the last counts', () => {
  const path = newPath();
  const store = openMeasureStore(path);
  store.put('a', bytesOf('one'));
  store.put('a', bytesOf('two'));
  expect(store.get('a')).toEqual(bytesOf('two'));
  expect(store.get('b')).toBeUndefined();
  store.close();
  expect(textAt(path, 'a')).toBe('two');
});

test('a value that was changed in the file is not given back', () => {
  const path = newPath();
  putAll(path, { a: 'one', b: 'two' });
  change(path, `UPDATE kept SET value = x'00' WHERE key = 'a'`);
  expect([textAt(path, 'a'), textAt(path, 'b')]).toEqual([undefined, 'two']);
});

test.each([
  ['no database', (path: string) => writeFileSync(path, 'this is no database')],
  ['another layout', (path: string) => change(path, 'PRAGMA user_version = 99')],
  ['other tables', (path: string) => change(path, 'DROP TABLE kept')],
])('%s is thrown away', (_, damage) => {
  const path = newPath();
  putAll(path, { a: 'one' });
  damage(path);
  expect(textAt(path, 'a')).toBeUndefined();
  putAll(path, { a: 'new' });
  expect(textAt(path, 'a')).toBe('new');
});

test('where there can be no file nothing is kept, and nothing thrown', () => {
  const path = newPath();
  mkdirSync(path, { recursive: true });
  putAll(path, { a: 'one' });
  expect(textAt(path, 'a')).toBeUndefined();
});

test('the oldest used go', () => {
  const path = newPath();
  putAll(path, { old: 'x'.repeat(400), used: 'x'.repeat(400) });
  change(path, 'UPDATE kept SET used = 1');
  expect(textAt(path, 'used')).toHaveLength(400); // which is written down
  putAll(path, { new: 'x'.repeat(400) }, 1000);
  expect(textAt(path, 'old')).toBeUndefined();
  expect([textAt(path, 'used'), textAt(path, 'new')]).toEqual(['x'.repeat(400), 'x'.repeat(400)]);
});

test('two processes write and read at once', async () => {
  const path = newPath();
  const script = `
    const { openMeasureStore } = await import(${JSON.stringify(new URL('./measure-store.ts', import.meta.url).href)});
    const own = process.argv[1];
    for (let round = 0; round < 8; round++) {
      const store = openMeasureStore(${JSON.stringify(path)});
      for (let i = 0; i < 80; i++) store.put(own + round + '-' + i, new Uint8Array(500).fill(i));
      for (let i = 0; i < 80; i++) if (store.get(own + round + '-' + i)?.[0] !== i) process.exit(3);
      store.close();
    }`;
  const run = async (name: string): Promise<unknown> => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, name], { stdio: 'inherit' });
    const [code] = await once(child, 'exit');
    return code;
  };
  expect(await Promise.all([run('a'), run('b')])).toEqual([0, 0]);
  const database = new DatabaseSync(path);
  expect(database.prepare('SELECT count(*) AS n FROM kept').get()).toEqual({ n: 1280 });
  database.close();
});
