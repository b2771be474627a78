/**
 * SDXL's UNet, 2.6 billion parameters in a single float16 file, against diffusers, and its LoRA gradients at 256² against
 * PEFT (tools/goldens/real_sizes.py sdxl).
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missingRoom } from '../support/hashed-files.ts';
import { writeSingleUnet } from '../support/make-checkpoint.ts';
import { predictionErrors, readGolden, stepErrors, worst } from '../support/unet-cases.ts';

/** Float32 in another order of summation, and Winograd; a wrong kernel is far above. */
const tolerance = 1e-4;

const missing = missingRoom({ diskGiB: 10, memoryGiB: 14 });
if (missing) console.log(`SDXL is left out: ${missing}`);

describe.skipIf(missing)('SDXL', () => {
  const golden = readGolden('real_sdxl.json');
  let file: Awaited<ReturnType<typeof writeSingleUnet>>;
  beforeAll(async () => {
    file = await writeSingleUnet({ model: 'sdxl', dtype: 'float16' });
  });
  afterAll(() => file.remove());

  test('3 timesteps, 2 sizes, batches of 1 and 2', async () => {
    expect(golden.cases).toHaveLength(12);
    const errors = await predictionErrors(file, golden.cases);
    console.log(`worst of ${errors.length} predictions: ${worst(errors).toExponential(1)}`);
    expect(worst(errors)).toBeLessThan(tolerance);
  });

  test('gradients of all attention layers', async () => {
    const { training } = golden;
    const errors = await stepErrors(file, training, 'attention', true);
    console.log(`worst of ${errors.gradients.length} gradients: ${worst(errors.gradients).toExponential(1)}`);
    expect(errors.loss).toBeLessThan(1e-5);
    expect(worst(errors.gradients)).toBeLessThan(1e-3);
  });
});
