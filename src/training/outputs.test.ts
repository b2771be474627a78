/** Saves on the way: which steps they are at, what they are called, and what room a run needs. */
import { expect, test } from 'vitest';
import { finishedRun } from '../../test/support/trained-run.ts';
import { optimizerBytes, pointBytes, savesOnTheWay, stateBytes } from './outputs.ts';
import type { GivenRecipe } from './recipe/recipe.ts';

const of = (given: GivenRecipe, batchesPerEpoch = 0) =>
  savesOnTheWay(
    'a/x.safetensors',
    finishedRun({ accumulate: 1, steps: 100, ...given }).recipe,
    batchesPerEpoch,
  );

test('by steps, as kohya names them; the last step writes the LoRA itself', () => {
  expect(of({ saveEvery: 40 })).toEqual([
    { step: 40, path: 'a/x-step00000040.safetensors' },
    { step: 80, path: 'a/x-step00000080.safetensors' },
  ]);
  expect(of({ saveEvery: 50 }).map(({ step }) => step)).toEqual([50]);
  expect(of({})).toEqual([]);
});

test('by epochs: after the step that ends each, micro-steps counted', () => {
  expect(of({ saveEveryEpochs: 2 }, 15)).toEqual([
    { step: 30, path: 'a/x-000002.safetensors' },
    { step: 60, path: 'a/x-000004.safetensors' },
    { step: 90, path: 'a/x-000006.safetensors' },
  ]);
  // 15 micro-steps are three steps of four and a fourth that begins the next epoch.
  expect(of({ saveEveryEpochs: 1, accumulate: 4, steps: 12 }, 15).map(({ step }) => step)).toEqual([4, 8]);
  expect(of({ saveEveryEpochs: 1, saveEvery: 20, steps: 50 }, 15).map(({ step }) => step)).toEqual([
    15, 20, 30, 40, 45,
  ]);
});

test('bytes of what a run remembers: one layer of 8×8, rank 2', () => {
  const { recipe, layers } = finishedRun({ rank: 2 });
  const numbers = 2 * 8 * 2;
  expect(optimizerBytes(recipe, layers)).toBe(8 * numbers);
  expect(pointBytes(recipe, layers)).toBe(12 * numbers);
  expect(pointBytes({ ...recipe, emaDecay: 0.9 }, layers)).toBe(16 * numbers);
  const best = stateBytes({ ...recipe, validationShare: 0.1 }, layers) - stateBytes(recipe, layers);
  expect(best).toBe(4 * numbers);
});
