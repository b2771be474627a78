/** Every kind starts at the base model and learns a batch of its embedded one. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { randomStream, type Tensor, tensor } from '../engine/index.ts';
import {
  chooseTargets,
  frozenParameters,
  initialParameters,
  type TrainedLayer,
  type TrainingOptions,
  usualOptions,
} from '../lora/index.ts';
import { listLayers, openCheckpoint } from '../models/index.ts';
import { adamWUpdate, newMoments } from './optimizers/adamw.ts';
import { openTrainStep } from './train-step.ts';

vi.setConfig({ testTimeout: 120_000 });

const checkpoint = openCheckpoint('pretrained/pocket');
const { weights, config } = checkpoint.unet;
const chosen = chooseTargets(listLayers(weights, 'unet'), 'mid_block*, up_blocks.0*');
const base = (target: string): Float32Array => weights.read(`${target.slice('unet.'.length)}.weight`);
const normals = (name: string, ...shape: number[]): Tensor => ({
  shape,
  data: randomStream(3, name).normals(shape.reduce((a, b) => a * b, 1)),
});
const batch = {
  ...{
    sample: normals('sample', 2, config.inChannels, 8, 8),
    target: normals('target', 2, config.outChannels, 8, 8),
  },
  ...{
    timesteps: tensor([2], Float32Array.of(100, 700)),
    context: normals('context', 2, 7, config.contextWidth),
  },
  weights: tensor([2], Float32Array.of(0.5, 0.5)),
};

/** Losses before each of some updates. */
async function losses(options: Partial<TrainingOptions>, updates: number): Promise<number[]> {
  const layers: TrainedLayer[] = chosen.map(layer => ({
    ...{ ...usualOptions, rank: 4, alpha: 4, ...layer },
    ...options,
  }));
  const step = await openTrainStep(
    checkpoint,
    layers,
    { batch: 2, height: 8, width: 8, tokens: 7, recompute: false },
    {},
  );
  const parameters = await initialParameters(layers, 1, base);
  const kept = new Map([...parameters, ...frozenParameters(layers, parameters)]);
  const moments = new Map([...parameters].map(([name, { data }]) => [name, newMoments(data.length)]));
  const seen: number[] = [];
  for (let i = 0; i <= updates; i++) {
    const result = await step.run(batch, kept, { seed: 1, step: i, first: 0 });
    seen.push(result.losses.data.reduce((a, b) => a + b, 0) / 2);
    for (const [name, { data }] of parameters) {
      const own = moments.get(name);
      const gradient = result.gradients.get(name);
      if (own && gradient) adamWUpdate(data, gradient.data, own, 2e-3, i + 1);
    }
  }
  await step.release();
  return seen;
}

let untrained: number;
beforeAll(async () => {
  [untrained] = await losses({}, 0);
});
afterAll(() => vi.resetConfig());

test.each<[string, Partial<TrainingOptions>]>([
  ['lora', {}],
  ['lora, orthogonal', { init: 'orthogonal' }],
  ['lora, pissa', { init: 'pissa' }],
  ['lora, tucker', { tucker: true }],
  ['lora, decomposed', { decomposed: 'output' }],
  ['loha', { kind: 'loha' }],
  ['loha, tucker, decomposed by input', { kind: 'loha', tucker: true, decomposed: 'input' }],
  ['lokr', { kind: 'lokr' }],
  ['lokr, factor 4, decomposed', { kind: 'lokr', factor: 4, rank: 2, decomposed: 'output' }],
])('%s', async (_, options) => {
  const seen = await losses(options, 12);
  // Up and its like are zero, or what is not zero is subtracted, or norms divide and multiply the same.
  expect(Math.abs(seen[0] / untrained - 1)).toBeLessThan(1e-5);
  expect(seen[12]).toBeLessThan(0.99 * seen[0]);
  expect(seen[12]).toBeLessThan(seen[6]);
});
