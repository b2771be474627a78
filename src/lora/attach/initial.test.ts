/** Starts of LoRA that are random: told by their moments and by ΔW. PiSSA and DoRA's norms are in the goldens. */
import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../engine/index.ts';
import { deltaOf, type TrainedLayer, trainedModule, usualOptions } from '../index.ts';
import { initialParameters } from './initial.ts';

const layer = (more: Partial<TrainedLayer>): TrainedLayer => ({
  ...{ ...usualOptions, rank: 8, alpha: 8, target: 'unet.conv', shape: [96, 64, 3, 3] },
  ...more,
});
const start = async (more: Partial<TrainedLayer>): Promise<Map<string, Tensor>> =>
  initialParameters([layer(more)], 5);
const valuesOf = (all: ReadonlyMap<string, Tensor>, role: string): Float32Array =>
  (all.get(`unet.conv.${role}`) as Tensor).data;
const deviation = (data: Float32Array): number => Math.hypot(...data) / Math.sqrt(data.length);
const sizeOfDelta = async (more: Partial<TrainedLayer>): Promise<number> => {
  const one = layer(more);
  const module = trainedModule(one, await start(more), new Map());
  const { weight } = await deltaOf(module, { strength: 1, shape: one.shape, base: () => new Float32Array() });
  return Math.hypot(...(weight as Float32Array));
};

describe('down is random, up is zero', () => {
  // Of 4608 numbers, a sample's deviation is within 5 % of the distribution's.
  test.each([
    ['kaiming', 1 / Math.sqrt(3 * 64 * 9)],
    ['gaussian', 1 / 8],
  ] as const)('%s: deviation %d', async (init, expected) => {
    const all = await start({ init });
    expect(Math.abs(deviation(valuesOf(all, 'down')) / expected - 1)).toBeLessThan(0.05);
    expect(Math.max(...valuesOf(all, 'up').map(Math.abs))).toBe(0);
  });
  test('kaiming is uniform within 1/√fanIn', async () => {
    const largest = Math.max(...valuesOf(await start({}), 'down').map(Math.abs));
    expect(largest).toBeLessThanOrEqual(1 / 24);
    expect(largest).toBeGreaterThan(0.99 / 24);
  });
});

test('orthogonal: neither factor is zero, but their product is', async () => {
  const all = await start({ init: 'orthogonal' });
  // Projections of standard normals to half of the ranks, a tenth of their size: √(1/2)/10 each (PEFT).
  for (const role of ['down', 'up']) expect(deviation(valuesOf(all, role))).toBeCloseTo(Math.SQRT1_2 / 10, 2);
  const sizes = deviation(valuesOf(all, 'down')) * deviation(valuesOf(all, 'up')) * Math.sqrt(8 * 96 * 576);
  expect(await sizeOfDelta({ init: 'orthogonal' })).toBeLessThan(1e-6 * sizes);
});

test.each<Partial<TrainedLayer>>([
  { kind: 'loha' },
  { kind: 'loha', tucker: true },
  { kind: 'lokr' },
  { kind: 'lokr', factor: 4, decomposeBoth: true, tucker: true, rank: 2 },
  { kind: 'lokr', fullMatrix: true },
  { tucker: true },
])('%o starts at the base', async more => expect(await sizeOfDelta(more)).toBe(0));

test('a layer starts the same whatever else is trained', async () => {
  const other = { ...layer({ kind: 'loha' }), target: 'unet.other' };
  const both = await initialParameters([other, layer({})], 5);
  expect(valuesOf(both, 'down')).toEqual(valuesOf(await start({}), 'down'));
});
