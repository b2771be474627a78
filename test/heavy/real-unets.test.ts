/**
 * The UNets of SD 1.5 (with 4 and 9 channels) and SD 2.1 at their real sizes against diffusers, and the gradients of
 * a velocity step of SD 2.1 against PEFT (tools/goldens/real_sizes.py sd15, sd2). The weights come out of single files in
 * the LDM layout, which have other names than the goldens.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WeightSource } from '../../src/models/index.ts';
import { hashed } from '../golden/hashed-weights.ts';
import { writeSingleUnet } from '../support/make-checkpoint.ts';
import { predictionErrors, readGolden, stepErrors, worst } from '../support/unet-cases.ts';

/** Float32 in another order of summation, and Winograd; a wrong kernel is far above. */
const tolerance = 1e-4;

describe.each(['sd15', 'sd2'] as const)('%s', name => {
  const golden = readGolden(`real_${name}.json`);
  let file: Awaited<ReturnType<typeof writeSingleUnet>>;
  beforeAll(async () => {
    file = await writeSingleUnet({ model: name });
  });
  afterAll(() => file.remove());

  test('3 timesteps, 2 sizes, batches of 1 and 2', async () => {
    expect(golden.cases).toHaveLength(12);
    const errors = await predictionErrors(file, golden.cases);
    console.log(`${name}: worst of ${errors.length} predictions ${worst(errors).toExponential(1)}`);
    expect(worst(errors)).toBeLessThan(tolerance);
  });

  test.runIf(name === 'sd15')('inpainting: nine channels', async () => {
    const shape = [320, 9, 3, 3];
    const widened = hashed('conv_in.weight', shape);
    const weights: WeightSource = {
      ...file.weights,
      shape: key => (key === 'conv_in.weight' ? shape : file.weights.shape(key)),
      bytes: key => (key === 'conv_in.weight' ? widened : file.weights.bytes(key)),
    };
    const errors = await predictionErrors(
      { config: { ...golden.config, inChannels: 9 }, weights },
      golden.inpainting,
    );
    console.log(`inpainting: worst of ${errors.length} predictions ${worst(errors).toExponential(1)}`);
    expect(worst(errors)).toBeLessThan(tolerance);
  });

  test.runIf(name === 'sd2')('gradients of a velocity step', async () => {
    const { training } = golden;
    expect(training.predictionType).toBe('v_prediction');
    const errors = await stepErrors(file, training, 'linear', false);
    console.log(`worst of ${errors.gradients.length} gradients: ${worst(errors.gradients).toExponential(1)}`);
    expect(errors.loss).toBeLessThan(1e-5);
    expect(worst(errors.gradients)).toBeLessThan(tolerance);
  });
});
