/** ΔW of every kind against LyCORIS, PEFT and the rule of sd-scripts (tools/goldens/lora_kinds.py). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { elementCount, type Shape, type Tensor } from '../../src/engine/index.ts';
import {
  deltaOf,
  kindOf,
  type LoraModule,
  type ModuleKind,
  type ModuleTensors,
  misfit,
  rankOf,
} from '../../src/lora/index.ts';
import { type Digest, hashed, relativeError } from './hashed-weights.ts';

interface Case {
  readonly name: string;
  readonly kind: ModuleKind;
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

const cases: readonly Case[] = JSON.parse(
  readFileSync(join(import.meta.dirname, 'data/lora-kinds.json'), 'utf8'),
);

const nearOne = ['magnitude', 'rescale'];
const vectors = [...nearOne, 'ia3', 'w_norm', 'b_norm', 'diff_b', 'up_bias'];

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

// Float32 on both sides; the longest sums here have 144 terms.
const tolerance = 1e-5;

describe.each(cases)('$name', one => {
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
