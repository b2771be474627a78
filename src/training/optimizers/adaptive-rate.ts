/** @file What Prodigy and D-Adaptation share: a step size that is the rate times an estimated distance d. */
import type { UpdateInput } from './optimizer.ts';

/** The rate of the run: the largest one; the others are parts of it. */
export function largestRate({ parameters, gradients, rateOf }: UpdateInput): number {
  let rate = 0;
  for (const name of parameters.keys()) if (gradients.has(name)) rate = Math.max(rate, rateOf(name));
  return rate;
}

interface Correction {
  readonly useBiasCorrection: boolean;
  readonly beta1: number;
  readonly beta2: number;
}

/** Adam's bias correction as a factor of the step size, if it is asked for. */
export function biasCorrection({ useBiasCorrection, beta1, beta2 }: Correction, step: number): number {
  return useBiasCorrection ? Math.sqrt(1 - beta2 ** step) / (1 - beta1 ** step) : 1;
}
