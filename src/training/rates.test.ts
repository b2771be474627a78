import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pictureFolder, temporaryFolder } from '../../test/support/pictures.ts';
import { openSafetensors, readTensor } from '../files/index.ts';
import { openCheckpoint } from '../models/index.ts';
import { train } from './train.ts';

const checkpoint = openCheckpoint('pretrained/pocket');

/**
 * The first step of Adam moves a number by its rate, whatever the gradient is (Kingma & Ba 2015, §2.1: m̂/√v̂ = ±1), and B
 * starts at 0. So its largest number after one step is its rate, but for ε = 1e-8 beside gradients of 1e-5 and more.
 */
test('rates of blocks, exceptions, text encoders and LoRA+ reach the numbers that they are for', async () => {
  const out = join(temporaryFolder(), 'x.safetensors');
  const learningRate = 1e-3;
  const recipe = {
    ...{ steps: 1, batch: 2, rank: 2, learningRate, schedule: 'constant' as const, captionDropout: 0 },
    ...{ targets: 'attention', textTargets: 'attention', textLearningRate: 5e-4 },
    ...{ blockRates: '1,1,1,0.5/2/1,1,1,1', loraPlusRatio: 3, textLoraPlusRatio: 4 },
    overrides: [{ match: '*.attn2.to_v', learningRate: 1e-4 }],
  };
  await train({ data: pictureFolder(2), checkpoint, recipe, out, resume: false });
  const file = openSafetensors(out);
  const seen = new Set<number>();
  for (const name of file.tensors.keys()) {
    if (!name.endsWith('.lora_up.weight')) continue;
    const block = /mid_block/.test(name) ? 2 : /down_blocks_1/.test(name) ? 0.5 : 1;
    const unet = /attn2_to_v/.test(name) ? 1e-4 : learningRate * block;
    const rate = name.startsWith('lora_te') ? 5e-4 * 4 : unet * 3;
    const largest = readTensor(file, name).data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    expect(largest / rate, name).toBeGreaterThan(0.99);
    expect(largest / rate, name).toBeLessThan(1.000001);
    seen.add(rate);
  }
  expect([...seen].sort((a, b) => a - b).map(rate => Number(rate.toPrecision(3)))).toEqual([
    3e-4, 1.5e-3, 2e-3, 3e-3, 6e-3,
  ]);
});
