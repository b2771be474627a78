/** @file One module measured: how large its change is, and in how many directions. */
import type { Tensor } from '../../engine/index.ts';
import type { Family } from '../../models/index.ts';
import { type Multiply, plainProduct } from '../kinds/matrices.ts';
import type { LoraModule, ModuleKind } from '../kinds/module.ts';
import { needsBase, scaleOf } from '../kinds/table.ts';
import { type BaseWeights, changeOnBase } from './base.ts';
import { type Change, changeOf, sizeOf } from './change.ts';
import { dot } from './inner-products.ts';
import { blockOf, layerOf } from './places.ts';
import { extentsOf } from './sizes.ts';
import { type Spectrum, spectrumOf } from './spectrum.ts';

export interface ModuleFacts {
  readonly target: string;
  readonly kind: ModuleKind;
  /** DoRA: it has magnitudes. */
  readonly isDecomposed: boolean;
  readonly block: string;
  readonly layer: string;
  /** 0 for kinds without one. */
  readonly rank: number;
  readonly alpha: number;
  /** The factor of ΔW: alpha/rank. */
  readonly scale: number;
  /** Frobenius norm of ΔW at strength 1; undefined where it cannot be told without the base. */
  readonly norm?: number;
  /** `factors`: of the product alone, without the magnitudes of DoRA, which need the base. */
  readonly normOf?: 'change' | 'factors';
  /** Root of the mean square of ΔW's elements, which compares layers of different sizes. */
  readonly rms?: number;
  /** ‖ΔW‖/‖W‖, with a base. */
  readonly ratio?: number;
  /** Of what is added to the bias. */
  readonly biasNorm?: number;
  /** Undefined for zeros, and for full matrices that are too large. */
  readonly spectrum?: Spectrum;
}

export interface MeasureOptions {
  readonly family?: Family | undefined;
  readonly base?: BaseWeights | undefined;
  readonly multiply?: Multiply;
}

const norm = ({ data }: Tensor): number => Math.sqrt(dot(data, data));

/** Changes of biases: some are scaled as their matrices are. */
function biasNormOf(module: LoraModule): number | undefined {
  const { up_bias, diff_b, b_norm } = module.tensors;
  const bias = diff_b ?? b_norm;
  if (bias) return norm(bias);
  return up_bias && Math.abs(scaleOf(module)) * norm(up_bias);
}

export interface Measured {
  readonly facts: ModuleFacts;
  /** What was measured. */
  readonly change: Change | undefined;
}

/** ‖ΔW‖, ranks and spectrum of a module; exact for every kind with a base, else for those that do not need one. */
export async function measureModule(module: LoraModule, options: MeasureOptions = {}): Promise<Measured> {
  const { target, kind, tensors, rank, alpha } = module;
  const { family, base, multiply = plainProduct } = options;
  const weight = base?.(target);
  const isExact = !needsBase(module);
  const change =
    !isExact && weight ? await changeOnBase(module, weight, multiply) : await changeOf(module, multiply);
  const biasNorm = biasNormOf(module);
  const facts: ModuleFacts = {
    ...{ target, kind, isDecomposed: tensors.magnitude !== undefined },
    ...{ block: blockOf(target, family), layer: layerOf(target) },
    ...{ rank, alpha, scale: scaleOf(module) },
    ...(change ? await sizesOf(change, kind, multiply) : {}),
    ...(change ? { normOf: isExact || weight ? ('change' as const) : ('factors' as const) } : {}),
    ...(biasNorm === undefined ? {} : { biasNorm }),
  };
  if (!weight || facts.norm === undefined) return { facts, change };
  const whole = weight.read();
  return { facts: { ...facts, ratio: facts.norm / Math.sqrt(dot(whole, whole)) }, change };
}

async function sizesOf(
  change: Change,
  kind: ModuleKind,
  multiply: Multiply,
): Promise<Pick<ModuleFacts, 'norm' | 'rms' | 'spectrum'>> {
  const { squaredNorm, singularValues } = await extentsOf(change, multiply);
  const size = Math.sqrt(squaredNorm);
  const { rows, columns } = sizeOf(change);
  const spectrum = kind !== 'norm' && singularValues ? spectrumOf(singularValues) : undefined;
  return { norm: size, rms: size / Math.sqrt(rows * columns), ...(spectrum ? { spectrum } : {}) };
}
