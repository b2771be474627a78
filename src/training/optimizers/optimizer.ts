/** @file What an optimizer is to the training loop, and the table of those there are. */
import type { Tensor } from '../../engine/index.ts';
import { openAdafactor } from './adafactor.ts';
import { openAdamW } from './adamw.ts';
import { openAdamW8bit } from './adamw8bit.ts';
import { openCame } from './came.ts';
import { openDAdaptAdamW } from './dadapt-adamw.ts';
import { openLion } from './lion.ts';
import { type OptimizerName, type OptimizerOptions, optimizerOptionsOf } from './options.ts';
import { openProdigy } from './prodigy.ts';
import { openScheduleFreeAdamW } from './schedulefree-adamw.ts';
import { openSgdNesterov } from './sgd-nesterov.ts';

/** Everything an optimizer remembers; goes into the run state as it is. */
export interface OptimizerState {
  /** By `<parameter name>:<slot>`, e.g. `unet.….down:first`. Uint8Array for 8-bit moments. */
  readonly tensors: Map<
    string,
    { readonly shape: readonly number[]; readonly data: Float32Array | Uint8Array }
  >;
  /** Scalars (d of Prodigy …), exact as doubles. */
  readonly numbers: Map<string, number>;
}

export interface UpdateInput {
  /** Changed in place. */
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** Already clipped; parameters without a gradient stay as they are. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
  /** Changed in place. */
  readonly state: OptimizerState;
  /** Learning rate of each parameter at this step (schedule × own factor). */
  readonly rateOf: (name: string) => number;
  /** Counts from 1. */
  readonly step: number;
}

export interface Optimizer {
  readonly name: OptimizerName;
  start(parameters: ReadonlyMap<string, Tensor>): OptimizerState;
  /** Throws RUN_STATE_INVALID where the state is not one of these parameters. */
  update(input: UpdateInput): void;
  /** Weights that are validated and written where they are not the parameters themselves (schedule-free). */
  evaluated?(parameters: ReadonlyMap<string, Tensor>, state: OptimizerState): Map<string, Tensor>;
  /** Bytes of state for a parameter of this shape (for the memory plan). */
  stateBytes(shape: readonly number[]): number;
}

/** What a recipe says of its optimizer. */
export interface OptimizerChoice {
  readonly optimizer: OptimizerName;
  readonly optimizerOptions: OptimizerOptions;
  readonly weightDecay: number;
}

/** The optimizer of a recipe. Throws RECIPE_INVALID where it has no such option. */
export function openOptimizer({ optimizer, optimizerOptions, weightDecay }: OptimizerChoice): Optimizer {
  switch (optimizer) {
    case 'adamw':
      return openAdamW(optimizerOptionsOf(optimizer, optimizerOptions), weightDecay);
    case 'adamw8bit':
      return openAdamW8bit(optimizerOptionsOf(optimizer, optimizerOptions), weightDecay);
    case 'lion':
      return openLion(optimizerOptionsOf(optimizer, optimizerOptions), weightDecay);
    case 'adafactor':
      return openAdafactor(optimizerOptionsOf(optimizer, optimizerOptions), weightDecay);
    case 'prodigy':
      return openProdigy(optimizerOptionsOf(optimizer, optimizerOptions), weightDecay);
    case 'dadapt-adamw':
      return openDAdaptAdamW(optimizerOptionsOf(optimizer, optimizerOptions), weightDecay);
    case 'schedulefree-adamw':
      return openScheduleFreeAdamW(optimizerOptionsOf(optimizer, optimizerOptions), weightDecay);
    case 'came':
      return openCame(optimizerOptionsOf(optimizer, optimizerOptions), weightDecay);
    case 'sgd-nesterov':
      return openSgdNesterov(optimizerOptionsOf(optimizer, optimizerOptions), weightDecay);
  }
}
