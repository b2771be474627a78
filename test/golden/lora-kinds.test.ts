import { describe, expect, test } from 'vitest';
import { deltaOf, kindOf, misfit, rankOf } from '../../src/lora/index.ts';
import { kindCases, moduleOf } from '../support/kind-cases.ts';
import { hashed, relativeError } from './hashed-weights.ts';

// Float32 on both sides; the longest sums here have 144 terms.
const tolerance = 1e-5;

describe.each(kindCases)('$name', one => {
  const module = moduleOf(one);
  const { shape, kind } = one;
  const base = (): Float32Array => hashed(`${one.name}.base.weight`, shape);

  test.each(one.results)('ΔW at strength $strength', async ({ strength, weight, bias }) => {
    const delta = await deltaOf(module, { strength, shape, base });
    expect(relativeError({ data: delta.weight as Float32Array }, weight)).toBeLessThan(tolerance);
    expect(delta.bias === undefined).toBe(bias === undefined);
    if (bias) expect(relativeError({ data: delta.bias as Float32Array }, bias)).toBeLessThan(tolerance);
  });

  test('its tensors say what it is and fit the layer', () => {
    expect(kindOf(module.tensors)).toBe(kind);
    expect(rankOf(kind, module.tensors)).toBe(one.rank);
    expect(misfit(module, shape)).toBeUndefined();
  });
});
