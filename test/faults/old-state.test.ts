/**
 * A run state of the first format, written by version 0.1.0 before it had optimizers: three of six steps on three pictures
 * of `pictureFolder`. Resumed, the file is the one that this version made without a stop. To the bit it was so on a processor
 * with AVX-512; on others sums have another order, so here the numbers are compared.
 */
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openSafetensors, readTensor } from '../../src/files/index.ts';
import { openCheckpoint } from '../../src/models/index.ts';
import { type GivenRecipe, train } from '../../src/training/index.ts';
import { pictureFolder, temporaryFolder } from '../support/pictures.ts';

vi.setConfig({ testTimeout: 120_000 });

const recipe: GivenRecipe = {
  ...{ steps: 6, batch: 2, rank: 1, accumulate: 2, warmupSteps: 2, seed: 7, init: 'pissa' },
  ...{ flip: true, captionDropout: 0.3, targets: 'mid_block*attn2.to_v' },
};
const expected: Record<string, number[]> = JSON.parse(
  readFileSync('test/golden/data/run-state-1-end.json', 'utf8'),
);

/** A tenth of what a step moves a number by, the rate 1e-4; a step that is lost or drawn otherwise moves all by more. */
const tolerance = 1e-5;

test('a run state of the first format is resumed', async () => {
  const out = join(temporaryFolder(), 'a.safetensors');
  const statePath = out.replace('.safetensors', '.run-state');
  copyFileSync('test/golden/data/run-state-1.safetensors', statePath);
  const checkpoint = openCheckpoint('pretrained/pocket');
  const { state, finished } = await train({ data: pictureFolder(3), checkpoint, recipe, out, resume: true });
  expect([finished, state.startedAt, state.losses.length]).toEqual([true, 1795717805, 6]);
  const file = openSafetensors(out);
  expect([...file.tensors.keys()].sort()).toEqual(Object.keys(expected).sort());
  for (const [name, numbers] of Object.entries(expected)) {
    const farthest = readTensor(file, name).data.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - numbers[i])),
      0,
    );
    expect(farthest).toBeLessThan(tolerance);
  }
  expect(existsSync(statePath)).toBe(false);
});
