/** @file ΔW: what a module of any kind adds to the weight and the bias of its layer. */
import { elementCount, type Shape, type Tensor } from '../../engine/index.ts';
import { lohaDelta, lokrDelta, loraDelta } from './low-rank.ts';
import { decomposedDelta } from './magnitude.ts';
import { type LayerSize, layerSize, type Multiply, plainProduct, scaled } from './matrices.ts';
import { isLowRank, type LoraModule, type ModuleKind } from './module.ts';
import { boftDelta, oftDelta } from './rotations.ts';
import { gloraDelta, gloraFactors, ia3Delta } from './scalings.ts';
import { scaleOf, type TensorRole } from './table.ts';

export interface DeltaRequest {
  readonly strength: number;
  /** Of the layer's weight: [out, in], [out, in, k, k], or [channels] for a norm. */
  readonly shape: Shape;
  /** The weight without any LoRA, in float32; asked for by kinds that change it in proportion to itself. */
  readonly base: () => Float32Array | Promise<Float32Array>;
  /** For large layers; plain loops unless given. */
  readonly multiply?: Multiply;
}

/** In the order of the layer's weight and bias; what is not there stays as it is. */
export interface Delta {
  readonly weight?: Float32Array;
  readonly bias?: Float32Array;
}

/** All that a kind's ΔW may depend on. */
interface Context {
  readonly strength: number;
  /** alpha/rank. */
  readonly scale: number;
  readonly size: LayerSize;
  readonly base: () => Float32Array | Promise<Float32Array>;
  readonly multiply: Multiply;
}

type WeightDelta = (
  module: LoraModule,
  context: Context,
) => Promise<Float32Array | undefined> | Float32Array | undefined;

type Factors = typeof loraDelta;

/** Kinds whose ΔW is a product of factors; with magnitudes, the base decides how much they change. */
const byFactors =
  (factors: Factors): WeightDelta =>
  async ({ tensors }, { strength, scale, size, base, multiply }) => {
    if (!tensors.magnitude) return factors(tensors, strength * scale, multiply);
    const delta = await factors(tensors, scale, multiply);
    return decomposedDelta(await base(), delta, tensors.magnitude, size, strength);
  };

const times = (tensor: Tensor | undefined, factor: number): Float32Array | undefined =>
  tensor && scaled(tensor.data, factor);

const weightDeltas: Readonly<Record<ModuleKind, WeightDelta>> = {
  lora: byFactors(loraDelta),
  loha: byFactors(lohaDelta),
  lokr: byFactors(lokrDelta),
  full: ({ tensors }, { strength }) => times(tensors.diff, strength),
  norm: ({ tensors }, { strength }) => times(tensors.w_norm, strength),
  ia3: async ({ tensors }, { strength, size, base }) => ia3Delta(await base(), tensors, strength, size),
  glora: async ({ tensors }, { strength, scale, size, base, multiply }) => {
    const { b1, b2 } = gloraFactors(tensors, size);
    const factors = { up: b1, down: b2, ...(tensors.bm ? { mid: tensors.bm } : {}) };
    const sum = await loraDelta(factors, strength * scale, multiply);
    return gloraDelta(await base(), sum, tensors, strength * scale, multiply, size);
  },
  oft: async (module, { strength, size, base, multiply }) =>
    oftDelta(await base(), module, strength, multiply, size),
  boft: async (module, { strength, size, base }) => boftDelta(await base(), module, strength, size),
};

/** Roles of a bias; all others say how the weight changes. */
const ofBias: readonly TensorRole[] = ['up_bias', 'diff_b', 'b_norm'];

/** What of its layer a module changes. */
export function changesOf({ tensors }: Pick<LoraModule, 'tensors'>): { weight: boolean; bias: boolean } {
  const roles = Object.keys(tensors) as TensorRole[];
  return {
    weight: roles.some(role => !ofBias.includes(role)),
    bias: roles.some(role => ofBias.includes(role)),
  };
}

/** A pair of matrices and nothing else: what every program loads, and what a side branch stands for. */
export const isPlain = (module: LoraModule): boolean =>
  isLowRank(module) && !module.tensors.mid && !changesOf(module).bias;

/** What is added to the bias of a layer. `up_bias` has the scale of its matrix; the others are differences. */
export function biasDelta(module: LoraModule, strength: number): Float32Array | undefined {
  const { up_bias, diff_b, b_norm } = module.tensors;
  if (strength === 0) return undefined;
  const parts = [
    times(up_bias, strength * scaleOf(module)),
    times(diff_b, strength),
    times(b_norm, strength),
  ].filter(part => part !== undefined);
  return parts.length > 1 ? parts[0].map((_, i) => parts.reduce((sum, part) => sum + part[i], 0)) : parts[0];
}

/** What is added to the weight of a layer. */
export async function weightDelta(
  module: LoraModule,
  { strength, shape, base, multiply = plainProduct }: DeltaRequest,
): Promise<Float32Array | undefined> {
  if (strength === 0 || !changesOf(module).weight) return undefined;
  const context = { strength, scale: scaleOf(module), size: layerSize(shape), base, multiply };
  const delta = await weightDeltas[module.kind](module, context);
  if (delta && delta.length !== elementCount(shape))
    throw new RangeError(`${module.target}: ${delta.length} numbers for [${shape}]`);
  return delta;
}

/**
 * What a module that fits its layer (`misfit`) adds to it at a strength. Each module's change is one of the untouched
 * weight, so several are added up in any order; strength 0 is no change, whatever the kind. Some of the results are
 * tensors of the module itself, so nothing may be written into them.
 */
export async function deltaOf(module: LoraModule, request: DeltaRequest): Promise<Delta> {
  const weight = await weightDelta(module, request);
  const bias = biasDelta(module, request.strength);
  return { ...(weight ? { weight } : {}), ...(bias ? { bias } : {}) };
}
