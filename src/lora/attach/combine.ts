/** @file Any number of LoRAs as one: attached (ranks side by side, or changed weights as inputs) or merged. */
import { addInPlace, elementCount, type Shape, type Tensor } from '../../engine/index.ts';
import type { WeightSource } from '../../models/index.ts';
import { changesOf, deltaOf, isPlain } from '../kinds/delta.ts';
import type { Multiply } from '../kinds/matrices.ts';
import type { LoraModule, ModuleTensors } from '../kinds/module.ts';
import { withProducts } from '../kinds/products.ts';
import { splitTarget } from '../names/namings.ts';
import { type Slot, slotShapes } from './attach.ts';

/** A module with the strength that it is used at: that of its LoRA, for its part of the model and its block. */
export interface AppliedModule {
  readonly module: LoraModule;
  readonly strength: number;
}

/** The weights of the model by part: `unet`, `text_encoder`, `text_encoder_2`. */
export type BaseParts = ReadonlyMap<string, WeightSource>;

/** Down and up, which every module of kind `lora` has. */
type LowRankTensors = Required<Pick<ModuleTensors, 'down' | 'up'>>;

function partOf(base: BaseParts, target: string): WeightSource {
  const { part } = splitTarget(target);
  const weights = base.get(part);
  if (!weights) throw new Error(`the model has no part ${part}, which ${target} is of`);
  return weights;
}

function byTarget(modules: readonly AppliedModule[]): Map<string, AppliedModule[]> {
  const targets = new Map<string, AppliedModule[]>();
  for (const applied of modules) {
    const list = targets.get(applied.module.target) ?? [];
    list.push(applied);
    targets.set(applied.module.target, list);
  }
  return targets;
}

/** strength·alpha/rank */
export const factorOf = ({ module: { alpha, rank }, strength }: AppliedModule): number =>
  (strength * alpha) / rank;

/** Up matrices [out, rank] next to each other; the one of a single module is used as it is. */
function joinUps(parts: readonly AppliedModule[], out: number, rank: number): Float32Array {
  if (parts.length === 1) return (parts[0].module.tensors as LowRankTensors).up.data;
  const joined = new Float32Array(out * rank);
  let start = 0;
  for (const { module } of parts) {
    const { data } = (module.tensors as LowRankTensors).up;
    for (let row = 0; row < out; row++)
      for (let r = 0; r < module.rank; r++) joined[row * rank + start + r] = data[row * module.rank + r];
    start += module.rank;
  }
  return joined;
}

/** Down matrices on top of each other; the one of a single module is used as it is. */
export function stackDowns(parts: readonly AppliedModule[]): Float32Array {
  const downs = parts.map(({ module }) => (module.tensors as LowRankTensors).down.data);
  if (downs.length === 1) return downs[0];
  const stacked = new Float32Array(downs.reduce((sum, { length }) => sum + length, 0));
  let start = 0;
  for (const down of downs) {
    stacked.set(down, start);
    start += down.length;
  }
  return stacked;
}

/** strength·alpha/rank of each rank. */
const factorsOf = (parts: readonly AppliedModule[]): Float32Array =>
  Float32Array.from(parts.flatMap(part => Array<number>(part.module.rank).fill(factorOf(part))));

export interface LowRankBranches {
  readonly slots: readonly Slot[];
  /** Graph inputs `<target>.down`, `<target>.up`, and `<target>.scale`: strength·alpha/rank of each rank. */
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/**
 * LoRAs side by side: down matrices stacked, up matrices next to each other, so that one branch serves them all.
 * Σ fᵢ·upᵢ·downᵢ·x = [up₁ … upₙ]·diag(f₁ … fₙ)·[down₁; …; downₙ]·x. The same ranks give the same slots, so another set of
 * files needs no new session.
 */
export function lowRankBranches(
  modules: readonly AppliedModule[],
  shapeOf: (target: string) => Shape,
): LowRankBranches {
  const slots: Slot[] = [];
  const feeds: Record<string, Tensor> = {};
  for (const [target, parts] of byTarget(modules)) {
    const rank = parts.reduce((sum, { module }) => sum + module.rank, 0);
    const shape = shapeOf(target);
    const { down, up } = slotShapes({ shape, rank });
    slots.push({ target, shape, rank, scale: 'fed' });
    feeds[`${target}.scale`] = { shape: [rank], data: factorsOf(parts) };
    feeds[`${target}.down`] = { shape: down, data: stackDowns(parts) };
    feeds[`${target}.up`] = { shape: up, data: joinUps(parts, shape[0], rank) };
  }
  return { slots, feeds };
}

/**
 * Branches for samples that have LoRAs of their own: the modules of all of them side by side, each with factor 0 for
 * samples that it is not for. A picture's LoRAs so cost what those of its whole batch do.
 */
export function branchesBySample(
  samples: readonly (readonly AppliedModule[])[],
  shapeOf: (target: string) => Shape,
): LowRankBranches {
  const factors = new Map<LoraModule, Float32Array>();
  for (const [sample, modules] of samples.entries()) {
    for (const applied of modules) {
      const own = factors.get(applied.module) ?? new Float32Array(samples.length);
      own[sample] += factorOf(applied);
      factors.set(applied.module, own);
    }
  }
  const modules = [...factors.keys()].map(module => ({ module, strength: 1 }));
  const { slots, feeds } = lowRankBranches(modules, shapeOf);
  const scales = [...byTarget(modules)].map(([target, parts]): [string, Tensor] => {
    const rank = parts.reduce((sum, { module }) => sum + module.rank, 0);
    const rows = samples.flatMap((_, sample) =>
      parts.flatMap(({ module }) =>
        Array<number>(module.rank).fill((factors.get(module) as Float32Array)[sample]),
      ),
    );
    return [`${target}.scale`, { shape: [samples.length, rank], data: Float32Array.from(rows) }];
  });
  return {
    slots: slots.map(slot => ({ ...slot, scale: 'fed-by-sample' })),
    feeds: { ...feeds, ...Object.fromEntries(scales) },
  };
}

/**
 * Weights and biases with all ΔW of `modules` added, by full name (`unet.conv_in.weight`); those that stay as they are
 * are not in it. ΔW are taken of the untouched weight and added up before they are added to it, in float32.
 */
export async function changedParameters(
  modules: readonly AppliedModule[],
  base: BaseParts,
): Promise<Map<string, Tensor>> {
  if (modules.length === 0) return new Map();
  return withProducts(multiply => changeParameters(modules, base, multiply));
}

async function changeParameters(
  modules: readonly AppliedModule[],
  base: BaseParts,
  multiply: Multiply,
): Promise<Map<string, Tensor>> {
  const changed = new Map<string, Tensor>();
  for (const [target, parts] of byTarget(modules)) {
    const weights = partOf(base, target);
    const { path: layer } = splitTarget(target);
    const shape = weights.shape(`${layer}.weight`);
    const sums: { weight?: Float32Array; bias?: Float32Array } = {};
    for (const { module, strength } of parts) {
      const read = (): Float32Array => weights.read(`${layer}.weight`);
      const delta = await deltaOf(module, { strength, shape, base: read, multiply });
      for (const name of ['weight', 'bias'] as const) {
        const part = delta[name];
        if (!part) continue;
        const sum = sums[name];
        if (sum) addInPlace(sum, part);
        else sums[name] = part.slice();
      }
    }
    for (const [name, sum] of Object.entries(sums)) {
      const has = weights.has(`${layer}.${name}`);
      if (has) addInPlace(sum, weights.read(`${layer}.${name}`));
      changed.set(`${target}.${name}`, { shape: name === 'weight' ? shape : [shape[0]], data: sum });
    }
  }
  return changed;
}

export interface AttachedModules extends LowRankBranches {
  /** Weights and biases that are inputs of the graph instead, for kinds that no side branch stands for. */
  readonly parameters: ReadonlyMap<string, Shape>;
}

/** Names of the parameters that modules change, whatever their strength: a graph is built by them. */
function parametersOf(modules: readonly AppliedModule[], base: BaseParts): Map<string, Shape> {
  const parameters = new Map<string, Shape>();
  for (const { module } of modules) {
    const { target } = module;
    const shape = partOf(base, target).shape(`${splitTarget(target).path}.weight`);
    const { weight, bias } = changesOf(module);
    if (weight) parameters.set(`${target}.weight`, shape);
    if (bias) parameters.set(`${target}.bias`, [shape[0]]);
  }
  return parameters;
}

/** What a compiled graph is fed for a set of modules: another set of the same ranks, or other strengths, are other feeds. */
export async function attachModules(
  modules: readonly AppliedModule[],
  base: BaseParts,
): Promise<AttachedModules> {
  const shapeOf = (target: string): Shape => partOf(base, target).shape(`${splitTarget(target).path}.weight`);
  const branches = lowRankBranches(
    modules.filter(({ module }) => isPlain(module)),
    shapeOf,
  );
  const others = modules.filter(({ module }) => !isPlain(module));
  const parameters = parametersOf(others, base);
  const changed = await changedParameters(others, base);
  const fed = [...parameters].map(([name, shape]): [string, Tensor] => [
    name,
    changed.get(name) ?? { shape, data: unchanged(name, shape, base) },
  ]);
  return { slots: branches.slots, parameters, feeds: { ...branches.feeds, ...Object.fromEntries(fed) } };
}

/** The base's own parameter, for a module at strength 0. */
function unchanged(name: string, shape: Shape, base: BaseParts): Float32Array {
  const weights = partOf(base, name);
  const { path: layer } = splitTarget(name);
  return weights.has(layer) ? weights.read(layer) : new Float32Array(elementCount(shape));
}

/** The weights of one part with modules added in; everything else is still read in place, and nothing is written. */
export async function mergeModules(
  modules: readonly AppliedModule[],
  base: BaseParts,
  part: string,
): Promise<WeightSource> {
  const weights = base.get(part) as WeightSource;
  const own = modules.filter(({ module }) => splitTarget(module.target).part === part);
  const all = await changedParameters(own, base);
  const merged = new Map([...all].map(([name, tensor]) => [splitTarget(name).path, tensor]));
  const added = [...merged.keys()].filter(name => !weights.has(name));
  const typeOf = weights.dtype?.bind(weights);
  return {
    has: name => merged.has(name) || weights.has(name),
    shape: name => (added.includes(name) ? (merged.get(name) as Tensor).shape : weights.shape(name)),
    read: name => merged.get(name)?.data ?? weights.read(name),
    bytes: name => merged.get(name)?.data ?? weights.bytes(name),
    ...(typeOf ? { dtype: name => (merged.has(name) ? 'float32' : typeOf(name)) } : {}),
    names: () => [...weights.names(), ...added],
  };
}
