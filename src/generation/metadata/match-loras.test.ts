import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { hashFile, hashTensorData, serializeSafetensors } from '../../files/index.ts';
import { openLoraFolders } from '../find-lora/lora-folders.ts';
import { findLorasByHash } from './match-loras.ts';

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
  const wanted = [
    { name: 'carol', hash },
    { name: 'dora', hash: own.slice(0, 12) },
    { name: 'erin', hash: own },
  ];
  const { found, missing } = findLorasByHash(wanted, openLoraFolders([folder, folder]));
  expect(found).toEqual([
    { wanted: wanted[0], path: renamed, by: 'hash', differs: false },
    { wanted: wanted[1], path: claiming, by: 'hash', differs: false },
    { wanted: wanted[2], path: claiming, by: 'hash', differs: false },
  ]);
  expect(missing).toEqual([]);
});

test('the hash of the whole file, in ten digits or in all', async () => {
  const whole = await hashFile(bob);
  const wanted = [whole.slice(0, 10), whole].map(hash => ({ name: 'other', hash }));
  const { found } = findLorasByHash(wanted, openLoraFolders([folder]));
  expect(found).toMatchObject([
    { path: bob, by: 'hash', differs: false },
    { path: bob, by: 'hash', differs: false },
  ]);
});

test('a folder that PEFT wrote is found by the hash of its tensors', async () => {
  const path = write('peft/adapter_model.safetensors', 8);
  writeFileSync(join(folder, 'peft', 'adapter_config.json'), '{}');
  const hash = (await hashTensorData(path)).slice(0, 12);
  const { found } = findLorasByHash([{ name: 'frank', hash }], openLoraFolders([folder]));
  expect(found).toMatchObject([{ path: join(folder, 'peft'), by: 'hash' }]);
});

test('what only claims the hash, only has the name, or is not there, is said', () => {
  const wanted = [
    { name: 'whatever', hash: 'abcdef012345' },
    { name: 'bob', hash: '000000000000' },
    { name: 'people/renamed' },
    { name: 'alice' },
    { name: 'nobody', hash: '111111111111' },
    { name: 'ob' },
  ];
  const { found, missing } = findLorasByHash(wanted, openLoraFolders([folder]));
  expect(found.map(({ path, by, differs }) => ({ path, by, differs }))).toEqual([
    { path: stale, by: 'claim', differs: true },
    { path: bob, by: 'name', differs: true },
    { path: renamed, by: 'name', differs: false },
    { path: renamed, by: 'name', differs: false },
  ]);
  expect(missing).toEqual([wanted[4], wanted[5]]);
});

test('of files of one name the first is taken, and said', () => {
  const first = write('a/twin.safetensors', 5);
  write('b/twin.safetensors', 6);
  const { found } = findLorasByHash([{ name: 'twin' }], openLoraFolders([folder]));
  expect(found).toMatchObject([{ path: first, by: 'name', differs: false }]);
  expect(found[0].doubt).toMatch(/twin could be .*a\/twin\.safetensors or .*b\/twin\.safetensors/);
});
