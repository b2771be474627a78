import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { hashFile, hashTensorData, serializeSafetensors } from '../../files/index.ts';
import { openLoraFolders } from '../find-lora/lora-folders.ts';
import { findLorasByHash } from './match-loras.ts';

const filesIn = (...folders: string[]): readonly string[] => openLoraFolders(folders).files();

const folder = mkdtempSync(join(tmpdir(), 'match-loras-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, value: number, metadata: Record<string, string> = {}): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  const bytes = new Uint8Array(Float32Array.of(value, 2).buffer);
  const tensor = { name: 'x', dtype: 'float32', shape: [2], bytes } as const;
  writeFileSync(path, serializeSafetensors([tensor], metadata));
  return path;
}

const renamed = write('people/renamed.safetensors', 1, { ss_output_name: 'alice' });
const bob = write('bob.safetensors', 2);
const stale = write('stale.safetensors', 3, { sshs_model_hash: 'abcdef012345'.padEnd(64, '0') });
writeFileSync(join(folder, 'broken.safetensors'), 'no tensors');

test('a renamed file is found by the hash of its tensors, claimed or not', async () => {
  const hash = (await hashTensorData(renamed)).slice(0, 12);
  const claiming = write('claiming.safetensors', 4, { 'modelspec.hash_sha256': '' });
  const own = await hashTensorData(claiming);
  write('claiming.safetensors', 4, { 'modelspec.hash_sha256': `0x${own}` });
  const hashed: string[] = [];
  const wanted = [
    { name: 'carol', hash },
    { name: 'dora', hash: own.slice(0, 12).toUpperCase() },
  ];
  const { found, missing } = await findLorasByHash(wanted, filesIn(folder, folder), path =>
    hashed.push(path),
  );
  expect(found).toEqual([
    { wanted: wanted[0], path: renamed, by: 'hash', differs: false },
    { wanted: wanted[1], path: claiming, by: 'hash', differs: false },
  ]);
  expect(missing).toEqual([]);
  expect(hashed.length).toBe(new Set(hashed).size); // no file is read twice
});

test('a claimed hash is tried first: no other file is read', async () => {
  const path = join(folder, 'claiming.safetensors');
  const hashed: string[] = [];
  await findLorasByHash([{ name: 'x', hash: await hashTensorData(path) }], filesIn(folder), file =>
    hashed.push(file),
  );
  expect(hashed).toEqual([path]);
});

test('ten digits are of the whole file', async () => {
  const hash = (await hashFile(bob)).slice(0, 10);
  const { found } = await findLorasByHash([{ name: 'other', hash }], filesIn(folder));
  expect(found).toMatchObject([{ path: bob, by: 'hash' }]);
});

test('what only claims the hash, only has the name, or is not there, is said', async () => {
  const wanted = [
    { name: 'whatever', hash: 'abcdef012345' },
    { name: 'bob', hash: '000000000000' },
    { name: 'people/renamed' },
    { name: 'alice' },
    { name: 'nobody', hash: '111111111111' },
    { name: 'ob' },
  ];
  const { found, missing } = await findLorasByHash(wanted, filesIn(folder));
  expect(found.map(({ path, by, differs }) => ({ path, by, differs }))).toEqual([
    { path: stale, by: 'claim', differs: true },
    { path: bob, by: 'name', differs: true },
    { path: renamed, by: 'name', differs: false },
    { path: renamed, by: 'name', differs: false },
  ]);
  expect(missing).toEqual([wanted[4], wanted[5]]);
});
