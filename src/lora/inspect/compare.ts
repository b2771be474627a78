/** @file Two modules of one layer side by side: how far apart their changes are, and at which angle. */
import type { Tensor } from '../../engine/index.ts';
import { type Multiply, plainProduct } from '../kinds/matrices.ts';
import type { LoraModule } from '../kinds/module.ts';
import { needsBase, scaleOf } from '../kinds/table.ts';
import { expand, type Measurable, type Overlap, overlapOf } from './angles.ts';
import { type BaseWeights, changeOnBase } from './base.ts';
import { changeOf, dense, sizeOf } from './change.ts';
import { squaredNorm } from './sizes.ts';

const nothing: Overlap = { mine: 0, theirs: 0, inner: 0, apart: 0 };

export const addOverlaps = (overlaps: readonly Overlap[]): Overlap =>
  overlaps.reduce(
    (sum, { mine, theirs, inner, apart }) => ({
      mine: sum.mine + mine,
      theirs: sum.theirs + theirs,
      inner: sum.inner + inner,
      apart: sum.apart + apart,
    }),
    nothing,
  );

/** ‖A − B‖ over the larger of ‖A‖ and ‖B‖; 0 where both are 0. */
export function distanceOf({ mine, theirs, apart }: Overlap): number {
  const largest = Math.max(mine, theirs);
  return largest === 0 ? 0 : Math.sqrt(apart / largest);
}

/** Undefined where one of them is 0. */
export function cosineOf({ mine, theirs, inner }: Overlap): number | undefined {
  if (mine === 0 || theirs === 0) return undefined;
  return Math.max(-1, Math.min(1, inner / Math.sqrt(mine * theirs)));
}

export interface ComparedModules extends Overlap {
  /** `tensors`: of what needs the base, tensors of the same roles were compared instead of ΔW. */
  readonly by: 'change' | 'tensors' | 'nothing';
  /** All tensors and the scale are the same numbers. */
  readonly isEqual: boolean;
}

const sameNumbers = (a: Float32Array, b: Float32Array): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i]);

function areEqual(a: LoraModule, b: LoraModule): boolean {
  const roles = Object.keys(a.tensors) as (keyof typeof a.tensors)[];
  return (
    a.kind === b.kind &&
    scaleOf(a) === scaleOf(b) &&
    roles.length === Object.keys(b.tensors).length &&
    roles.every(role => {
      const [one, two] = [a.tensors[role], b.tensors[role]];
      return one !== undefined && two !== undefined && sameNumbers(one.data, two.data);
    })
  );
}

const vector = ({ data }: Pick<Tensor, 'data'>, scale = 1): Measurable =>
  dense(1, data.length, scale === 1 ? data : data.map(x => scale * x));

function biasOf(module: LoraModule): Measurable | undefined {
  const { up_bias, diff_b, b_norm } = module.tensors;
  const bias = diff_b ?? b_norm;
  if (bias) return vector(bias);
  return up_bias && vector(up_bias, scaleOf(module));
}

async function overlap(
  a: Measurable | undefined,
  b: Measurable | undefined,
  multiply: Multiply,
): Promise<Overlap | undefined> {
  if (!a || !b) {
    const [mine, theirs] = [a ? squaredNorm(a) : 0, b ? squaredNorm(b) : 0];
    return { mine, theirs, inner: 0, apart: mine + theirs };
  }
  const [one, two] = [sizeOf(a), sizeOf(b)];
  return one.rows * one.columns === two.rows * two.columns ? overlapOf(a, b, multiply) : undefined;
}

/** Tensors beside ΔW that need the base to say what they do. */
const besideRoles = ['magnitude', 'ia3', 'oft_blocks', 'rescale', 'a1', 'a2', 'b1', 'b2', 'bm'] as const;

async function overlapOfTensors(a: LoraModule, b: LoraModule): Promise<Overlap | undefined> {
  if (a.kind !== b.kind) return undefined;
  const parts: Overlap[] = [];
  for (const role of besideRoles) {
    const [one, two] = [a.tensors[role], b.tensors[role]];
    if (!one && !two) continue;
    if (one?.data.length !== two?.data.length) return undefined;
    parts.push((await overlap(one && vector(one), two && vector(two), plainProduct)) as Overlap);
  }
  return addOverlaps(parts);
}

export interface CompareOptions {
  readonly base?: BaseWeights;
  readonly multiply?: Multiply;
}

/** What needs the base is compared by ΔW with one, and by its tensors without. */
export async function compareModules(
  a: LoraModule,
  b: LoraModule,
  { base, multiply = plainProduct }: CompareOptions = {},
): Promise<ComparedModules> {
  const isEqual = areEqual(a, b);
  const asksBase = needsBase(a) || needsBase(b);
  const weight = asksBase ? base?.(a.target) : undefined;
  const changeOfOne = async (module: LoraModule): Promise<Measurable | undefined> => {
    if (weight && needsBase(module)) return changeOnBase(module, weight, multiply);
    const change = await changeOf(module, multiply);
    return change?.form === 'hadamard' ? expand(change, multiply) : change;
  };
  const [one, two] = [await changeOfOne(a), isEqual ? undefined : await changeOfOne(b)];
  const bySize = isEqual ? equalOverlap(one) : await overlap(one, two, multiply);
  const byBias = await overlap(biasOf(a), biasOf(b), multiply);
  const beside = asksBase && !weight ? await overlapOfTensors(a, b) : addOverlaps([]);
  if (!bySize || !byBias || !beside) return { ...nothing, by: 'nothing', isEqual: false };
  const by = asksBase && !weight ? 'tensors' : 'change';
  return { ...addOverlaps([bySize, byBias, beside]), by, isEqual };
}

function equalOverlap(change: Measurable | undefined): Overlap {
  const squares = change ? squaredNorm(change) : 0;
  return { mine: squares, theirs: squares, inner: squares, apart: 0 };
}
