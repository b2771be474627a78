import { afterAll, describe, expect, test } from 'vitest';
import { elementCount, openProducts, svd, toMatrix } from '../../src/engine/index.ts';
import { bakeModule, deltaOf, type LoraModule } from '../../src/lora/index.ts';
import { type KindCase, kindCases, moduleOf } from '../support/kind-cases.ts';
import { hashed, relativeError } from './hashed-weights.ts';

const cases = kindCases.filter(
  ({ shape, results }) => shape.length > 1 && results.some(({ strength }) => strength === 1),
);

const products = openProducts();
afterAll(() => products.release());

// As in lora-kinds.test.ts; factors are rounded to float32 once more.
const tolerance = 1e-5;
const isLowRank = ({ kind, tensors }: LoraModule): boolean => kind === 'lora' && !tensors.magnitude;

test('LoHa, LoKr, DoRA, full, IA³, GLoRA, OFT and BOFT are among them', () => {
  const found = new Set(cases.map(one => one.kind));
  expect([...found].sort()).toEqual(['boft', 'full', 'glora', 'ia3', 'loha', 'lokr', 'lora', 'oft']);
  expect(cases.some(({ tensors }) => 'magnitude' in tensors)).toBe(true);
});

describe.each(cases)('$name', one => {
  const module = moduleOf(one);
  const { shape } = one;
  const base = (): Float32Array => hashed(`${one.name}.base.weight`, shape);
  const bake = (rank: number) => bakeModule(module, { shape, base }, { by: 'rank', value: rank }, products);

  test('of full rank', async () => {
    const expected = one.results.find(({ strength }) => strength === 1) as KindCase['results'][number];
    const { module: plain, after, kept } = await bake(Math.min(shape[0], elementCount(shape.slice(1))));
    expect(plain).toMatchObject({ target: one.name, kind: 'lora', rank: after });
    expect(Object.keys(plain.tensors).sort()).toEqual(
      expected.bias ? ['down', 'up', 'up_bias'] : ['down', 'up'],
    );
    expect(kept).toBeCloseTo(1, 6);
    const { weight, bias } = await deltaOf(plain, { strength: 1, shape, base: () => new Float32Array() });
    expect(relativeError({ data: weight as Float32Array }, expected.weight)).toBeLessThan(tolerance);
    if (expected.bias)
      expect(relativeError({ data: bias as Float32Array }, expected.bias)).toBeLessThan(tolerance);
  });

  test('of rank 3: no other is nearer', async () => {
    const whole = (await deltaOf(module, { strength: 1, shape, base })).weight as Float32Array;
    const { module: plain, after, kept } = await bake(3);
    if (isLowRank(module)) return expect([after, kept]).toEqual([plain.tensors.up?.shape[1], 1]);
    const { weight } = await deltaOf(plain, { strength: 1, shape, base: () => new Float32Array() });
    const error = Math.hypot(...whole.map((x, i) => x - (weight as Float32Array)[i]));
    const { values } = svd(toMatrix({ shape: [shape[0], whole.length / shape[0]], data: whole }));
    const least = Math.hypot(...values.subarray(3));
    const size = Math.hypot(...values);
    expect(after).toBe(3);
    expect(Math.abs(error - least)).toBeLessThan(tolerance * size);
    expect(kept).toBeCloseTo(1 - (least / size) ** 2, 5);
  });
});
