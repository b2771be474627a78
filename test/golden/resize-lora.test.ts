/** Resized and combined LoRAs against PyTorch's whole SVD of ΔW (tools/goldens/linear_algebra.py). */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { openProducts, type Shape, type Tensor } from '../../src/engine/index.ts';
import {
  combineModules,
  deltaOf,
  type LoraModule,
  type ModuleTensors,
  type RankRule,
  type RankRuleName,
  resizeModule,
} from '../../src/lora/index.ts';
import { type Digest, given, relativeError } from './hashed-weights.ts';

interface Golden {
  readonly resized: Record<string, Record<string, { rank: number; alpha: number; change: Digest }>>;
  readonly combined: Record<string, Record<'sum' | 'rank 6', Digest>>;
}
const golden: Golden = JSON.parse(
  readFileSync(new URL('./data/linear-algebra.json', import.meta.url), 'utf8'),
);

const rank = 12;

/** The numbers of tools/goldens/linear_algebra.py. */
function faded(name: string, shape: Shape): Tensor {
  const { data } = given(name, shape);
  return { shape, data: data.map((x, i) => x * 0.75 ** (i % rank)) };
}
function small(name: string, shape: Shape): Tensor {
  return { shape, data: given(name, shape).data.map(x => x * 0.3) };
}

const layers: Record<string, { shape: Shape; tensors: ModuleTensors }> = {
  linear: {
    shape: [40, 48],
    tensors: { down: given('linear.down', [rank, 48]), up: faded('linear.up', [40, rank]) },
  },
  conv: {
    shape: [32, 16, 3, 3],
    tensors: { down: given('conv.down', [rank, 16, 3, 3]), up: faded('conv.up', [32, rank, 1, 1]) },
  },
  tucker: {
    shape: [24, 20, 3, 3],
    tensors: {
      down: given('tucker.down', [rank, 20, 1, 1]),
      mid: small('tucker.mid', [rank, rank, 3, 3]),
      up: faded('tucker.up', [24, rank, 1, 1]),
    },
  },
};
const moduleOf = (name: string): LoraModule => ({
  ...{ target: `unet.${name}`, kind: 'lora', rank, alpha: 3 },
  tensors: layers[name].tensors,
});
const other = (name: string): LoraModule => {
  const [out, ...inside] = layers[name].shape;
  const down = given(`${name}.other.down`, [3, ...inside]);
  const up = given(`${name}.other.up`, [out, 3, ...inside.slice(1).map(() => 1)]);
  return { target: `unet.${name}`, kind: 'lora', rank: 3, alpha: 6, tensors: { down, up } };
};

async function changeOf(module: LoraModule, shape: Shape): Promise<{ data: Float32Array }> {
  const { weight } = await deltaOf(module, { strength: 1, shape, base: () => new Float32Array() });
  return { data: weight as Float32Array };
}

/** Factors are rounded to float32, and so is their product. */
const tolerance = 1e-6;

const products = openProducts();
afterAll(() => products.release());

describe.each(Object.keys(layers))('%s', name => {
  const { shape } = layers[name];

  test.each(Object.keys(golden.resized[name]))('%s', async text => {
    const [by, value] = text.split(' ');
    const rule: RankRule = { by: by as RankRuleName, value: Number(value) };
    const expected = golden.resized[name][text];
    const { module, before, after } = await resizeModule(moduleOf(name), rule, products);
    expect([before, after, module.rank, module.tensors.down?.shape[0]]).toEqual([
      rank,
      ...[expected.rank, expected.rank, expected.rank],
    ]);
    expect(module.alpha).toBeCloseTo(expected.alpha, 12);
    expect(module.tensors.mid).toBeUndefined();
    expect(module.tensors.down?.shape.slice(1)).toEqual(shape.slice(1));
    expect(relativeError(await changeOf(module, shape), expected.change)).toBeLessThan(tolerance);
  });

  test('the share of the energy that is kept is that of PyTorch', async () => {
    const rule: RankRule = { by: 'rank', value: 5 };
    const { kept } = await resizeModule(moduleOf(name), rule, products);
    const whole = await resizeModule(moduleOf(name), { by: 'rank', value: rank }, products);
    const full = await changeOf(whole.module, shape);
    const energy = full.data.reduce((sum, x) => sum + x * x, 0);
    expect(kept).toBeCloseTo(golden.resized[name]['rank 5'].change.norm ** 2 / energy, 5);
    expect(whole.kept).toBeCloseTo(1, 12);
  });

  test('combined: all ranks side by side, and the nearest of rank 6', async () => {
    const parts = [
      { module: moduleOf(name), strength: 0.8 },
      { module: other(name), strength: -0.5 },
    ];
    const exact = await combineModules(parts, { products });
    expect([exact.module.rank, exact.module.alpha, exact.facts.before]).toEqual([15, 15, 15]);
    const sum = golden.combined[name].sum;
    expect(relativeError(await changeOf(exact.module, shape), sum)).toBeLessThan(tolerance);
    const lower = await combineModules(parts, { products, rule: { by: 'rank', value: 6 } });
    expect(lower.module.rank).toBe(6);
    const nearest = golden.combined[name]['rank 6'];
    expect(relativeError(await changeOf(lower.module, shape), nearest)).toBeLessThan(tolerance);
  });
});
