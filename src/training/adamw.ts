/** @file AdamW (Loshchilov & Hutter 2019, algorithm 2), with torch's order of operations, on plain arrays. */

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

/** Scales all gradients so that their common 2-norm is at most `limit`; returns the norm before. */
export function clipGradients(gradients: readonly Float32Array[], limit: number): number {
  let sum = 0;
  for (const gradient of gradients)
    for (let i = 0; i < gradient.length; i++) sum += gradient[i] * gradient[i];
  const norm = Math.sqrt(sum);
  const factor = limit / (norm + 1e-6);
  if (factor < 1)
    for (const gradient of gradients) for (let i = 0; i < gradient.length; i++) gradient[i] *= factor;
  return norm;
}
