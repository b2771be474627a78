/** The embedded model's first 20 steps against diffusers, PEFT and torch (tools/goldens/first_steps.py pocket). */
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../src/models/index.ts';
import { lossErrors, readFirstSteps } from '../support/first-steps.ts';

test('losses of 20 steps', async () => {
  const golden = readFirstSteps('pocket');
  const checkpoint = openCheckpoint('pretrained/pocket');
  expect(checkpoint.scheduler.predictionType).toBe(golden.prediction);
  const errors = await lossErrors(checkpoint, golden);
  expect(errors).toHaveLength(20);
  // Float32 sums in another order, which each update carries on; measured 1.4e-7.
  expect(Math.max(...errors)).toBeLessThan(1e-5);
});
