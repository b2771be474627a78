/** @file The base's weights, for kinds that do not say without it what they change. */
import type { Shape } from '../../engine/index.ts';
import { type Checkpoint, weightsByPart } from '../../models/index.ts';
import { deltaOf } from '../kinds/delta.ts';
import { type Multiply, plainProduct } from '../kinds/matrices.ts';
import type { LoraModule } from '../kinds/module.ts';
import { splitTarget } from '../names/namings.ts';
import { type Dense, dense } from './change.ts';

export interface BaseWeight {
  readonly shape: Shape;
  read(): Float32Array;
}

/** The weight of a target; undefined when the base has no such layer. */
export type BaseWeights = (target: string) => BaseWeight | undefined;

export function baseWeights(checkpoint: Checkpoint): BaseWeights {
  const parts = weightsByPart(checkpoint);
  return target => {
    const { part, path } = splitTarget(target);
    const weights = parts.get(part);
    const name = `${path}.weight`;
    if (!weights?.has(name)) return undefined;
    return { shape: weights.shape(name), read: () => weights.read(name) };
  };
}

/** ΔW of a module of any kind on its weight; undefined where only a bias changes. */
export async function changeOnBase(
  module: LoraModule,
  { shape, read }: BaseWeight,
  multiply: Multiply = plainProduct,
): Promise<Dense | undefined> {
  const { weight } = await deltaOf(module, { strength: 1, shape, base: read, multiply });
  return weight && dense(shape[0], weight.length / shape[0], weight);
}
