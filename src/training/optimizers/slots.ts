/** @file The arrays that an optimizer keeps beside each parameter: made, measured, found again in a run state. */
import { elementCount, type Shape, type Tensor } from '../../engine/index.ts';
import { badInput } from '../../errors.ts';
import type { Optimizer, OptimizerState, UpdateInput } from './optimizer.ts';
import type { OptimizerName } from './options.ts';

/** One array that is kept, by what it is called behind the parameter's name. */
export interface Slot {
  readonly slot: string;
  readonly shape: Shape;
  /** 8-bit codes instead of float32. */
  readonly isCode?: boolean;
}

export type SlotsOf = (shape: Shape) => readonly Slot[];

/** Slots as large as their parameter. */
export const sameShape =
  (...names: readonly string[]): SlotsOf =>
  shape =>
    names.map(slot => ({ slot, shape }));

const bytesOf = ({ shape, isCode }: Slot): number => elementCount(shape) * (isCode ? 1 : 4);

/** Zeros in all slots of all parameters. */
export function newState(parameters: ReadonlyMap<string, Tensor>, slotsOf: SlotsOf): OptimizerState {
  const state: OptimizerState = { tensors: new Map(), numbers: new Map() };
  for (const [name, { shape }] of parameters) {
    for (const { slot, shape: own, isCode } of slotsOf(shape)) {
      const count = elementCount(own);
      const data = isCode ? new Uint8Array(count) : new Float32Array(count);
      state.tensors.set(`${name}:${slot}`, { shape: own, data });
    }
  }
  return state;
}

export function slotBytes(slotsOf: SlotsOf, shape: Shape): number {
  return slotsOf(shape).reduce((sum, slot) => sum + bytesOf(slot), 0);
}

function missing(what: string): Error {
  return badInput('RUN_STATE_INVALID', `the optimizer's state has no ${what}`, 'Start the run anew.');
}

/** The float32 numbers of a slot. */
export function floatsOf({ tensors }: OptimizerState, name: string, slot: string): Float32Array {
  const data = tensors.get(`${name}:${slot}`)?.data;
  if (data instanceof Float32Array) return data;
  throw missing(`${name}:${slot}`);
}

/** The 8-bit codes of a slot. */
export function codesOf({ tensors }: OptimizerState, name: string, slot: string): Uint8Array {
  const data = tensors.get(`${name}:${slot}`)?.data;
  if (data instanceof Uint8Array) return data;
  throw missing(`${name}:${slot}`);
}

export function numberOf({ numbers }: OptimizerState, name: string): number {
  const value = numbers.get(name);
  if (value === undefined) throw missing(name);
  return value;
}

/** A parameter that has a gradient, with what belongs to it. */
export interface OneParameter {
  readonly name: string;
  readonly parameter: Float32Array;
  readonly shape: Shape;
  readonly gradient: Float32Array;
  readonly rate: number;
}

/** The parameters that have a gradient, in their order. */
export function* trained({ parameters, gradients, rateOf }: UpdateInput): Generator<OneParameter> {
  for (const [name, { shape, data: parameter }] of parameters) {
    const gradient = gradients.get(name);
    if (gradient) yield { name, parameter, shape, gradient, rate: rateOf(name) };
  }
}

/** An optimizer whose parameters know nothing of each other. */
export function separately(
  name: OptimizerName,
  slotsOf: SlotsOf,
  updateOne: (one: OneParameter, state: OptimizerState, step: number) => void,
): Optimizer {
  return {
    name,
    start: parameters => newState(parameters, slotsOf),
    update(input) {
      for (const one of trained(input)) updateOne(one, input.state, input.step);
    },
    stateBytes: shape => slotBytes(slotsOf, shape),
  };
}
