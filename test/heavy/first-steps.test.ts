/** The first 20 steps on SD 1.5 at its real shape against diffusers, PEFT and torch (tools/goldens/first_steps.py sd15). */
import { expect, test } from 'vitest';
import type { Checkpoint } from '../../src/models/index.ts';
import { lossErrors, readFirstSteps } from '../support/first-steps.ts';
import { hashedParts, writeSingleUnet } from '../support/make-checkpoint.ts';

test('losses of 20 steps', async () => {
  const golden = readFirstSteps('sd15');
  const file = await writeSingleUnet({ model: 'sd15' });
  try {
    const { scheduler } = hashedParts({ model: 'sd15', prediction: golden.prediction });
    const unet = { config: file.config, weights: file.weights, files: [] };
    const facts = { family: 'sd15', variant: 'text', resolution: 512, latentScale: 8 };
    const errors = await lossErrors({ ...facts, unet, scheduler } as unknown as Checkpoint, golden);
    console.log(`largest relative difference of 20 losses: ${Math.max(...errors).toExponential(1)}`);
    expect(errors).toHaveLength(20);
    // Float32 sums in another order and Winograd, which each update carries on; measured 2.1e-7.
    expect(Math.max(...errors)).toBeLessThan(1e-5);
  } finally {
    file.remove();
  }
});
