/** @file AdamW (Loshchilov & Hutter 2019, algorithm 2), with torch's order of operations, on plain arrays. */
import type { Optimizer } from './optimizer.ts';
import type { OptionsOf } from './options.ts';
import { floatsOf, sameShape, separately } from './slots.ts';

export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

export const adamWDefaults: AdamWOptions = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };

/** First and second moment of one parameter tensor. */
export interface Moments {
  readonly first: Float32Array;
  readonly second: Float32Array;
}

export function newMoments(length: number): Moments {
  return { first: new Float32Array(length), second: new Float32Array(length) };
}

/** One update in place; `step` counts from 1. */
export function adamWUpdate(
  parameter: Float32Array,
  gradient: Float32Array,
  moments: Moments,
  rate: number,
  step: number,
  options: AdamWOptions = adamWDefaults,
): void {
  const { beta1, beta2, epsilon, weightDecay } = options;
  const { first, second } = moments;
  const correction1 = 1 - beta1 ** step;
  const rootCorrection2 = Math.sqrt(1 - beta2 ** step);
  const decay = 1 - rate * weightDecay;
  const stepSize = rate / correction1;
  for (let i = 0; i < parameter.length; i++) {
    const g = gradient[i];
    const m = first[i] + (g - first[i]) * (1 - beta1);
    const v = second[i] * beta2 + g * g * (1 - beta2);
    first[i] = m;
    second[i] = v;
    parameter[i] = parameter[i] * decay - (stepSize * m) / (Math.sqrt(v) / rootCorrection2 + epsilon);
  }
}

export function openAdamW(options: OptionsOf<'adamw'>, weightDecay: number): Optimizer {
  const all = { ...options, weightDecay };
  return separately('adamw', sameShape('first', 'second'), (one, state, step) => {
    const moments = {
      first: floatsOf(state, one.name, 'first'),
      second: floatsOf(state, one.name, 'second'),
    };
    adamWUpdate(one.parameter, one.gradient, moments, one.rate, step, all);
  });
}
