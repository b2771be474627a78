/**
 * @file The run state: everything a run needs to go on bit for bit. Because all randomness is a function of
 * (seed, step, sample), that is what is trained (or kept as it started), what the optimizer remembers, and what was decided on the way.
 */
import type { Tensor } from '../engine/index.ts';
import type { Optimizer, OptimizerState } from './optimizers/optimizer.ts';

export type Parameters = Map<string, Tensor>;

/** A copy that steps do not change. */
export const copyTensors = <T extends { readonly data: Float32Array | Uint8Array }>(
  tensors: ReadonlyMap<string, T>,
): Map<string, T> => new Map([...tensors].map(([name, t]) => [name, { ...t, data: t.data.slice() }]));

/** What a step changes: enough to do the steps after it again. */
export interface TrainedPoint {
  /** Finished steps. */
  step: number;
  readonly parameters: Parameters;
  readonly optimizer: OptimizerState;
  /** Moving average of the parameters, where the recipe asks for one. */
  readonly ema?: Parameters | undefined;
}

/** The best that validation has seen. */
export interface Best {
  readonly step: number;
  /** Loss on held-out pictures, and the ends of its confidence interval. */
  readonly loss: number;
  readonly low: number;
  readonly high: number;
  /** What would be written: see `writtenParameters`. */
  readonly parameters: Parameters;
}

/** What validation saw after a step, as JSON. */
export interface Look {
  readonly step: number;
  readonly [fact: string]: unknown;
}

/** A step that could not be used, and what was done about it (rollback.ts). */
export interface Rollback {
  /** Of the run, counted from 1. */
  readonly step: number;
  readonly what: 'loss' | 'gradient' | 'parameters';
  /** `skip`: the step changes nothing; `lower`: the rate is lower from `backTo` on, and the steps since are done again. */
  readonly action: 'skip' | 'lower';
  /** Finished steps that were kept. */
  readonly backTo: number;
}

export interface RunState extends TrainedPoint {
  /** What layers keep beside, as it was at the start (PiSSA). */
  readonly frozen: ReadonlyMap<string, Tensor>;
  /** Loss of each finished step; of a skipped one that of the step before. */
  readonly losses: number[];
  readonly looks: Look[];
  best?: Best | undefined;
  readonly rollbacks: Rollback[];
  /** Where a rollback goes to; undefined before the first step of this process. */
  point?: TrainedPoint | undefined;
  /** Hash of recipe, data and base model; a run resumes only where it equals. */
  readonly fingerprint: string;
  /** Device and measured kernels, as `kernelsOf` tells them: others compute other last bits. Unknown in older files. */
  readonly kernels?: string | undefined;
  /** Unix seconds of the first start. */
  readonly startedAt: number;
}

/** What the files of a run are called after: `my-lora.safetensors` → `my-lora`. */
export const stemOf = (out: string): string => out.replace(/\.safetensors$/, '');

/** The newest state of the run that writes `out`, and the one before it. */
export const runStatePath = (out: string): string => `${stemOf(out)}.run-state`;
export const previousStatePath = (path: string): string => `${path}.previous`;

/** What validation looks at, previews show and files hold: averaged weights where there are some, else the trained ones. */
export function writtenParameters(
  { parameters, ema, optimizer }: Pick<TrainedPoint, 'parameters' | 'ema' | 'optimizer'>,
  { evaluated }: Pick<Optimizer, 'evaluated'>,
): ReadonlyMap<string, Tensor> {
  return ema ?? evaluated?.(parameters, optimizer) ?? parameters;
}
