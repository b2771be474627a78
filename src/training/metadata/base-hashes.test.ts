import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../models/index.ts';
import { baseModelEntries } from './base-hashes.ts';

const folder = mkdtempSync(join(tmpdir(), 'lora-base-'));
const file = (name: string): string => join(folder, name);
const model = file('model.safetensors');
writeFileSync(
  model,
  Uint8Array.from({ length: 0x120000 }, (_, i) => i % 251),
);
writeFileSync(file('vae.safetensors'), Uint8Array.of(1, 2, 3));

/** What a checkpoint is to its hashes. */
const checkpoint = (path: string, vae: string): Checkpoint =>
  ({ path, vae: { files: [vae] } }) as unknown as Checkpoint;

// By sd-scripts' own model_hash and calculate_sha256 (library/train_util.py at 48d368fa) on the same bytes.
const hashes = {
  ss_sd_model_name: 'model.safetensors',
  ss_sd_model_hash: '15ffd73b',
  ss_new_sd_model_hash: '53707f2881b58d19e2c2b18a0a63102e75b30cd965af2cb892a6a79eeafb36f5',
};

test('a single file', async () => {
  expect(await baseModelEntries(checkpoint(model, model))).toEqual(hashes);
});

test('with an autoencoder from elsewhere', async () => {
  expect(await baseModelEntries(checkpoint(model, file('vae.safetensors')))).toMatchObject({
    ...hashes,
    ss_vae_name: 'vae.safetensors',
    // sha256 of nothing: the file ends before the place that is looked at.
    ss_vae_hash: 'e3b0c442',
    ss_new_vae_hash: '039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81',
  });
});

test('a folder has a name only, and its own autoencoder is not another', async () => {
  const pocket = openCheckpoint('pretrained/pocket');
  expect(await baseModelEntries(pocket)).toEqual({ ss_sd_model_name: 'pocket' });
});

test('a file that is gone when the LoRA is written costs its hash, not the LoRA', async () => {
  const gone = file('gone.safetensors');
  expect(await baseModelEntries(checkpoint(gone, gone))).toEqual({ ss_sd_model_name: 'gone.safetensors' });
});

test('a home folder’s name is not told', async () => {
  const home = join('/', 'home', 'somebody');
  expect(await baseModelEntries(checkpoint(home, home))).toEqual({ ss_sd_model_name: 'base' });
});
