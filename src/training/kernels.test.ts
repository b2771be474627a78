/** A run state knows what computed it, and resuming on something else is said. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pictureFolder, temporaryFolder } from '../../test/support/pictures.ts';
import { architectureOf, openCheckpoint, shapesOnly } from '../models/index.ts';
import { kernelsOf } from './kernels.ts';
import { loadRunState, saveRunState } from './state/generations.ts';
import { train } from './train.ts';

const pocket = openCheckpoint('pretrained/pocket');

test('kernels are told by device and by what was chosen otherwise than by the table', () => {
  const large = shapesOnly(architectureOf('sd15') as never);
  const [one, two] = [
    new Map([['a', 'winograd2' as const]]),
    new Map([
      ['a', 'winograd2' as const],
      ['b', 'direct' as const],
    ]),
  ];
  expect(kernelsOf(large, {})).toBe('cpu');
  expect(kernelsOf(large, { provider: 'webgpu' })).toBe('webgpu');
  expect(kernelsOf(large, { convolutions: one })).toMatch(/^cpu with tuning [0-9a-f]{12}$/);
  expect(kernelsOf(large, { convolutions: two })).not.toBe(kernelsOf(large, { convolutions: one }));
  const turned = new Map([...two].reverse());
  expect(kernelsOf(large, { convolutions: turned })).toBe(kernelsOf(large, { convolutions: two }));
  expect(kernelsOf(pocket, { convolutions: two })).toBe('cpu'); // folded models use no measured choices
});

test('resuming on other kernels is said, and the state then tells the new ones', async () => {
  const folder = pictureFolder(2);
  const out = join(temporaryFolder(), 'run.safetensors');
  const recipe = { steps: 2, rank: 2, batch: 1, targets: 'up_blocks.1*attn2*', seed: 1 };
  const stopAfter = async (step: number, resume: boolean) => {
    const controller = new AbortController();
    const result = await train({
      ...{ data: folder, checkpoint: pocket, recipe, out, resume, signal: controller.signal },
      onProgress: progress => {
        if (progress.phase === 'step' && progress.step === step) controller.abort();
      },
    });
    return result;
  };
  const { statePath, state } = await stopAfter(1, false);
  expect(state.kernels).toBe('cpu');
  const path = statePath as string;
  const loaded = loadRunState(path, state.fingerprint);
  expect(loaded?.state.kernels).toBe('cpu');
  await saveRunState(path, { ...state, kernels: 'webgpu' });
  const { warnings, state: after } = await stopAfter(9, true);
  expect(warnings.filter(({ code }) => code === 'KERNELS_CHANGED')).toEqual([
    {
      code: 'KERNELS_CHANGED',
      message:
        'the run so far was computed on webgpu, the rest is on cpu: its numbers may differ in their last digits',
    },
  ]);
  expect(after.kernels).toBe('cpu');
});
