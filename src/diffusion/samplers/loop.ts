/** @file What every sampler shares: its form, and the walk over the sigmas. */
import type { Tensor } from '../../engine/index.ts';
import type { Denoise } from '../denoiser.ts';

/** Karras et al. 2022, algorithm 2: noise that is added before a step. */
export interface Churn {
  /** S_churn. */
  readonly amount: number;
  /** Only at sigmas from … to (S_tmin, S_tmax). */
  readonly from: number;
  readonly to: number;
}

export interface SampleOptions {
  /**
   * Standard normal noise of the shape of x for the way from one sigma to another: fresh at every call, or for samplers
   * of Brownian noise its increment between the two, divided by √|σ − σ'|.
   */
  readonly noise: (sigma: number, sigmaNext: number) => Tensor;
  /** Share of the variance of an ancestral or stochastic step that is fresh noise; where absent the sampler's own. */
  readonly eta?: number;
  /** The noise within steps is multiplied by this; 1 where absent. */
  readonly sNoise?: number;
  readonly churn?: Churn;
  /** The order of UniPC: 2 in diffusers, 3 elsewhere and where absent. */
  readonly highestOrder?: number;
  readonly onStep?: (event: {
    step: number;
    steps: number;
    x: Tensor;
    denoised: Tensor;
    sigma: number;
  }) => void;
  /** Asked before every call of the denoiser. */
  readonly signal?: AbortSignal;
}

/** x at sigmas[0] → x at the last of the falling sigmas, which is mostly 0. */
export type Sampler = (
  denoise: Denoise,
  x: Tensor,
  sigmas: readonly number[],
  options: SampleOptions,
) => Promise<Tensor>;

export interface SamplerRun {
  readonly denoise: Denoise;
  readonly sigmas: readonly number[];
  readonly options: SampleOptions;
}

/** Step i: from x at sigmas[i] to x at sigmas[i + 1], and what the denoiser said at the start of the step. */
export type Step = (x: Tensor, i: number) => Promise<{ x: Tensor; denoised: Tensor }>;

/** A sampler out of its step; `makeStep` is called once a run, so a step may remember what came before. */
export function stepSampler(makeStep: (run: SamplerRun) => Step): Sampler {
  return async (denoise, start, sigmas, options) => {
    const checked: Denoise = (x, sigma) => {
      options.signal?.throwIfAborted();
      return denoise(x, sigma);
    };
    const step = makeStep({ denoise: checked, sigmas, options });
    let x = start;
    for (let i = 0; i + 1 < sigmas.length; i++) {
      const after = await step(x, i);
      x = after.x;
      const { denoised } = after;
      options.onStep?.({ step: i + 1, steps: sigmas.length - 1, x, denoised, sigma: sigmas[i + 1] });
    }
    return x;
  };
}

/** From x and its denoised version D at sigmas[i] to x at sigmas[i + 1]. */
export type OneCallStep = (x: Float32Array, D: Float32Array, i: number) => Float32Array;

/** A sampler that asks the denoiser once a step. */
export function oneCallSampler(makeStep: (run: SamplerRun) => OneCallStep): Sampler {
  return stepSampler(run => {
    const step = makeStep(run);
    return async (x, i) => {
      const denoised = await run.denoise(x, run.sigmas[i]);
      return { x: { shape: x.shape, data: step(x.data, denoised.data, i) }, denoised };
    };
  });
}

export type Term = readonly [factor: number, data: Float32Array];

/** Σ factor·data, element by element, summed in float64. */
export function sumOf(...terms: readonly Term[]): Float32Array {
  const out = new Float32Array(terms[0][1].length);
  for (let i = 0; i < out.length; i++) {
    let sum = 0;
    for (const [factor, data] of terms) sum += factor * data[i];
    out[i] = sum;
  }
  return out;
}

/** a·x + b·y, element by element. */
export function combine(a: number, x: Float32Array, b: number, y: Float32Array): Float32Array {
  const out = new Float32Array(x.length);
  for (let i = 0; i < out.length; i++) out[i] = a * x[i] + b * y[i];
  return out;
}

/** x + (σ' − σ)·(x − D)/σ: Euler's step. */
export function eulerStep(x: Float32Array, D: Float32Array, sigma: number, sigmaNext: number): Float32Array {
  const ratio = sigmaNext / sigma;
  return combine(ratio, x, 1 - ratio, D);
}
