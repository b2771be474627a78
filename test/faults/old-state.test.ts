/**
 * A run state of the first format, written by version 0.1.0 before it had optimizers: three of six steps on three pictures
 * of `pictureFolder`. Resumed, the file is the one that this version made without a stop (its hash is below).
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openSafetensors, readTensorBytes } from '../../src/files/index.ts';
import { openCheckpoint } from '../../src/models/index.ts';
import { type GivenRecipe, train } from '../../src/training/index.ts';
import { pictureFolder, temporaryFolder } from '../support/pictures.ts';

vi.setConfig({ testTimeout: 120_000 });

const recipe: GivenRecipe = {
  ...{ steps: 6, batch: 2, rank: 1, accumulate: 2, warmupSteps: 2, seed: 7, init: 'pissa' },
  ...{ flip: true, captionDropout: 0.3, targets: 'mid_block*attn2.to_v' },
};
const expected = 'aec390e8df6f1cae329499306b344c7d514f8e3f036f07c860f62ada5e78c724';

test('a run state of the first format is resumed bit for bit', async () => {
  const out = join(temporaryFolder(), 'a.safetensors');
  const statePath = out.replace('.safetensors', '.run-state');
  copyFileSync('test/golden/data/run-state-1.safetensors', statePath);
  const checkpoint = openCheckpoint('pretrained/pocket');
  const { state, finished } = await train({ data: pictureFolder(3), checkpoint, recipe, out, resume: true });
  expect([finished, state.startedAt, state.losses.length]).toEqual([true, 1795717805, 6]);
  const file = openSafetensors(out);
  const hash = createHash('sha256');
  for (const name of [...file.tensors.keys()].sort()) hash.update(name).update(readTensorBytes(file, name));
  expect(hash.digest('hex')).toBe(expected);
  expect(existsSync(statePath)).toBe(false);
});
