/** @file The modules of tools/goldens/lora_kinds.py, with the tensors that it hashes and the ΔW that it wrote. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { elementCount, type Shape, type Tensor } from '../../src/engine/index.ts';
import type { LoraModule, ModuleKind, ModuleTensors } from '../../src/lora/index.ts';
import { type Digest, hashed } from '../golden/hashed-weights.ts';

export interface KindCase {
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

export const kindCases: readonly KindCase[] = JSON.parse(
  readFileSync(join(import.meta.dirname, '../golden/data/lora-kinds.json'), 'utf8'),
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

export function moduleOf({ name, kind, tensors, alpha, rank }: KindCase): LoraModule {
  const byRole = Object.entries(tensors).map(([role, shape]) => [role, made(name, role, shape)]);
  return { target: name, kind, tensors: Object.fromEntries(byRole) as ModuleTensors, alpha, rank };
}
