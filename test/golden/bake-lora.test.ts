/** Kinds as plain LoRA: of full rank they are LyCORIS' ΔW (tools/goldens/lora_kinds.py), of a lower one the nearest to it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  elementCount,
  openProducts,
  type Shape,
  svd,
  type Tensor,
  toMatrix,
} from '../../src/engine/index.ts';
import { bakeModule, deltaOf, type LoraModule, type ModuleTensors } from '../../src/lora/index.ts';
import { type Digest, hashed, relativeError } from './hashed-weights.ts';

interface Case {
  readonly name: string;
  readonly kind: LoraModule['kind'];
  readonly shape: number[];
  readonly tensors: Readonly<Record<string, number[]>>;
  readonly alpha: number;
  readonly rank: number;
  readonly results: readonly {
    readonly strength: number;
    readonly weight: Digest;
    readonly bias?: Digest;
  }[];
}

const cases = (
  JSON.parse(readFileSync(join(import.meta.dirname, 'data/lora-kinds.json'), 'utf8')) as readonly Case[]
).filter(({ shape, results }) => shape.length > 1 && results.some(({ strength }) => strength === 1));

const nearOne = ['magnitude', 'rescale'];
const vectors = [...nearOne, 'ia3', 'diff_b', 'up_bias'];

/** As the script hashes them. */
function made(name: string, role: string, shape: Shape): Tensor {
  if (role === 'on_input') return { shape, data: Float32Array.of(1) };
  if (!vectors.includes(role)) return { shape, data: hashed(`${name}.${role}`, shape) };
  const key = `${name}.${role}${nearOne.includes(role) ? '.weight' : ''}`;
  return { shape, data: hashed(key, [elementCount(shape)]) };
}

function moduleOf({ name, kind, tensors, alpha, rank }: Case): LoraModule {
  const byRole = Object.entries(tensors).map(([role, shape]) => [role, made(name, role, shape)]);
  return { target: name, kind, tensors: Object.fromEntries(byRole) as ModuleTensors, alpha, rank };
}

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
    const expected = one.results.find(({ strength }) => strength === 1) as Case['results'][number];
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
