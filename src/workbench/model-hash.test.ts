/** The hash of a checkpoint is right, is kept, and is made again for a file that changed or a cache that is damaged. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { temporaryFolder } from '../../test/support/pictures.ts';
import type { Checkpoint } from '../models/index.ts';
import { openModelHash } from './model-hash.ts';

let cache: string;
beforeEach(() => {
  cache = temporaryFolder();
  vi.stubEnv('XDG_CACHE_HOME', cache);
});
afterEach(() => vi.unstubAllEnvs());

const store = (): string => join(cache, 'lora-studio', 'model-hashes.json');
const checkpointOf = (...files: string[]): Checkpoint => ({ unet: { files } }) as unknown as Checkpoint;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function modelFile(text: string): string {
  const path = join(temporaryFolder(), 'model.safetensors');
  writeFileSync(path, text);
  return path;
}

test('it is the sha256 of the file, and is written down', async () => {
  const path = modelFile('weights');
  expect(await openModelHash(checkpointOf(path)).hash()).toBe(sha256('weights'));
  expect(Object.values(JSON.parse(readFileSync(store(), 'utf8')))).toEqual([sha256('weights')]);
});

test('what is written down is not made again, but for a file that has changed', async () => {
  const path = modelFile('weights');
  await openModelHash(checkpointOf(path)).hash();
  const [key] = Object.keys(JSON.parse(readFileSync(store(), 'utf8')));
  writeFileSync(store(), JSON.stringify({ [key]: 'f'.repeat(64) })); // told from a new one
  expect(await openModelHash(checkpointOf(path)).hash()).toBe('f'.repeat(64));
  writeFileSync(path, 'other weights');
  expect(await openModelHash(checkpointOf(path)).hash()).toBe(sha256('other weights'));
});

test.each(['{"half', '[]', '{"a": "no hash"}'])('a damaged cache, %s, is made again', async text => {
  mkdirSync(join(cache, 'lora-studio'));
  writeFileSync(store(), text);
  expect(await openModelHash(checkpointOf(modelFile('weights'))).hash()).toBe(sha256('weights'));
  expect(Object.values(JSON.parse(readFileSync(store(), 'utf8')))).toEqual([sha256('weights')]);
});

test('a cache that cannot be written costs nothing; a model without a file has no hash', async () => {
  writeFileSync(join(cache, 'lora-studio'), 'a file in the place of the folder');
  expect(await openModelHash(checkpointOf(modelFile('weights'))).hash()).toBe(sha256('weights'));
  expect(await openModelHash(checkpointOf()).hash()).toBeUndefined();
});
