/** @file Any number of LoRAs as one: attached (ranks side by side) or merged into the base weights. */
import { elementCount, type Tensor } from '../../engine/index.ts';
import type { WeightSource } from '../../models/index.ts';
import type { LoraModule, LoraWeights, ModuleTensors } from '../kinds/module.ts';
import { type Slot, slotShapes } from './attach.ts';

export interface AppliedLora {
  readonly lora: LoraWeights;
  readonly strength: number;
}

/** Down and up, which every module of kind `lora` has. */
type LowRankTensors = Required<Pick<ModuleTensors, 'down' | 'up'>>;

/** Modules of all LoRAs by target, each with its whole factor strength·alpha/rank. */
function byTarget(loras: readonly AppliedLora[]): Map<string, { module: LoraModule; factor: number }[]> {
  const targets = new Map<string, { module: LoraModule; factor: number }[]>();
  for (const { lora, strength } of loras) {
    for (const module of lora.modules) {
      const list = targets.get(module.target) ?? [];
      list.push({ module, factor: (strength * module.alpha) / module.rank });
      targets.set(module.target, list);
    }
  }
  return targets;
}

export interface CombinedLora {
  readonly slots: readonly Slot[];
  /** Graph inputs `<target>.down` and `<target>.up`; strength and alpha/rank are inside `up`. */
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/**
 * LoRAs side by side: down matrices stacked, up matrices next to each other, so that one branch serves them all.
 * Σ fᵢ·upᵢ·downᵢ·x = [f₁up₁ … fₙupₙ]·[down₁; …; downₙ]·x. The same ranks give the same slots, so another set of
 * files needs no new session.
 */
export function combineLoras(
  loras: readonly AppliedLora[],
  shapes: ReadonlyMap<string, readonly number[]>,
): CombinedLora {
  const slots: Slot[] = [];
  const feeds: Record<string, Tensor> = {};
  for (const [target, parts] of byTarget(loras)) {
    const rank = parts.reduce((sum, { module }) => sum + module.rank, 0);
    const shape = shapes.get(target) as readonly number[];
    const wanted = slotShapes({ shape, rank });
    const down = { shape: wanted.down, data: new Float32Array(elementCount(wanted.down)) };
    const up = { shape: wanted.up, data: new Float32Array(elementCount(wanted.up)) };
    let start = 0;
    for (const { module, factor } of parts) {
      const own = module.tensors as LowRankTensors;
      down.data.set(own.down.data, (start * down.data.length) / rank);
      for (let row = 0; row < shape[0]; row++) {
        for (let r = 0; r < module.rank; r++) {
          up.data[row * rank + start + r] = factor * own.up.data[row * module.rank + r];
        }
      }
      start += module.rank;
    }
    slots.push({ target, shape, rank, scale: 1 });
    feeds[`${target}.down`] = down;
    feeds[`${target}.up`] = up;
  }
  return { slots, feeds };
}

/** Adds factor·up·down to `weight` in place. weight [out, in·k·k] */
export function addDelta(weight: Float32Array, { tensors, rank }: LoraModule, factor: number): void {
  const { down, up } = tensors as LowRankTensors;
  const out = up.shape[0];
  const inside = down.data.length / rank;
  for (let row = 0; row < out; row++) {
    for (let r = 0; r < rank; r++) {
      const f = factor * up.data[row * rank + r];
      if (f === 0) continue;
      for (let column = 0; column < inside; column++)
        weight[row * inside + column] += f * down.data[r * inside + column];
    }
  }
}

/** The weights of one part with LoRAs added in; layers without one are still read in place. */
export function mergeLoras(base: WeightSource, part: string, loras: readonly AppliedLora[]): WeightSource {
  const targets = byTarget(loras);
  const merged = new Map<string, Float32Array>();
  const read = (name: string): Float32Array => {
    const parts = targets.get(`${part}.${name.replace(/\.weight$/, '')}`);
    if (!parts || !name.endsWith('.weight')) return base.read(name);
    let weight = merged.get(name);
    if (!weight) {
      weight = base.read(name).slice();
      for (const { module, factor } of parts) addDelta(weight, module, factor);
      merged.set(name, weight);
    }
    return weight;
  };
  const isMerged = (name: string): boolean =>
    name.endsWith('.weight') && targets.has(`${part}.${name.slice(0, -7)}`);
  return { ...base, read, bytes: name => (isMerged(name) ? read(name) : base.bytes(name)) };
}
