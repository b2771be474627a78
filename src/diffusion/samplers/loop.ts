/** @file What every sampler shares: its form, and the walk over the sigmas. */
import type { Tensor } from '../../engine/index.ts';
import type { Denoise } from '../denoiser.ts';

export interface SampleOptions {
  /** Fresh standard normal noise of the shape of x, for stochastic samplers. */
  readonly noise: () => Tensor;
  readonly onStep?: (event: {
    step: number;
    steps: number;
    x: Tensor;
    denoised: Tensor;
    sigma: number;
  }) => void;
  readonly signal?: AbortSignal;
}

/** x at sigmas[0] → x at sigmas[last] = 0. */
export type Sampler = (
  denoise: Denoise,
  x: Tensor,
  sigmas: readonly number[],
  options: SampleOptions,
) => Promise<Tensor>;

/** One step: from x at sigma and its denoised version D to x at sigmaNext. */
export type Step = (x: Float32Array, D: Float32Array, sigma: number, sigmaNext: number) => Float32Array;

/** A sampler that asks the denoiser once a step. */
export function oneCallSampler(makeStep: (options: SampleOptions) => Step): Sampler {
  return async (denoise, start, sigmas, options) => {
    const step = makeStep(options);
    let x = start;
    for (let i = 0; i + 1 < sigmas.length; i++) {
      options.signal?.throwIfAborted();
      const denoised = await denoise(x, sigmas[i]);
      x = { shape: x.shape, data: step(x.data, denoised.data, sigmas[i], sigmas[i + 1]) };
      options.onStep?.({ step: i + 1, steps: sigmas.length - 1, x, denoised, sigma: sigmas[i + 1] });
    }
    return x;
  };
}

/** a·x + b·y, element by element. */
export function combine(a: number, x: Float32Array, b: number, y: Float32Array): Float32Array {
  const out = new Float32Array(x.length);
  for (let i = 0; i < out.length; i++) out[i] = a * x[i] + b * y[i];
  return out;
}
