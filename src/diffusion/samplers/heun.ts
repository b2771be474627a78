/** @file Samplers that look at the slope a second time within a step: Heun, DPM-Solver-2, DPM-Solver++(2S). */
import type { Tensor } from '../../engine/index.ts';
import { combine, eulerStep, type Sampler, stepSampler, sumOf } from './loop.ts';
import { addNoise, ancestralSplit, churned } from './noise-steps.ts';

const like = (x: Tensor, data: Float32Array): Tensor => ({ shape: x.shape, data });

/** Karras et al. 2022, algorithm 2: the mean of the slopes at both ends. */
export const heun: Sampler = stepSampler(run => async (start, i) => {
  const { x, sigma } = churned(run, start, i);
  const sigmaNext = run.sigmas[i + 1];
  const denoised = await run.denoise(x, sigma);
  const predicted = eulerStep(x.data, denoised.data, sigma, sigmaNext);
  if (sigmaNext === 0) return { x: like(x, predicted), denoised };
  const D2 = (await run.denoise(like(x, predicted), sigmaNext)).data;
  const half = (sigmaNext - sigma) / 2;
  const data = sumOf(
    [1 + half / sigma, x.data],
    [-half / sigma, denoised.data],
    [half / sigmaNext, predicted],
    [-half / sigmaNext, D2],
  );
  return { x: like(x, data), denoised };
});

/** x + (σ' − σ)·slope, the slope being that at the middle of log σ (DPM-Solver-2, Lu et al. 2022, algorithm 1). */
async function midpointStep(
  x: Tensor,
  D: Float32Array,
  [sigma, sigmaNext]: readonly [number, number],
  denoise: (x: Tensor, sigma: number) => Promise<Tensor>,
): Promise<Float32Array> {
  const middle = Math.sqrt(sigma * sigmaNext);
  const x2 = eulerStep(x.data, D, sigma, middle);
  const D2 = (await denoise(like(x, x2), middle)).data;
  const slope = (sigmaNext - sigma) / middle;
  return sumOf([1, x.data], [slope, x2], [-slope, D2]);
}

/** DPM-Solver-2 with the churn of Karras et al. 2022. */
export const dpm2: Sampler = stepSampler(run => async (start, i) => {
  const { x, sigma } = churned(run, start, i);
  const sigmaNext = run.sigmas[i + 1];
  const denoised = await run.denoise(x, sigma);
  const data =
    sigmaNext === 0
      ? eulerStep(x.data, denoised.data, sigma, 0)
      : await midpointStep(x, denoised.data, [sigma, sigmaNext], run.denoise);
  return { x: like(x, data), denoised };
});

/** DPM-Solver-2, ancestral. */
export const dpm2Ancestral: Sampler = stepSampler(run => async (x, i) => {
  const [sigma, sigmaNext] = [run.sigmas[i], run.sigmas[i + 1]];
  const denoised = await run.denoise(x, sigma);
  const { down, up } = ancestralSplit(sigma, sigmaNext, run.options.eta);
  if (down === 0) return { x: like(x, eulerStep(x.data, denoised.data, sigma, 0)), denoised };
  const data = await midpointStep(x, denoised.data, [sigma, down], run.denoise);
  return { x: like(x, addNoise(data, up, [sigma, sigmaNext], run.options)), denoised };
});

/** DPM-Solver++(2S) (Lu et al. 2022, algorithm 1 with r = 1/2), ancestral. */
export const dpmpp2sAncestral: Sampler = stepSampler(run => async (x, i) => {
  const [sigma, sigmaNext] = [run.sigmas[i], run.sigmas[i + 1]];
  const denoised = await run.denoise(x, sigma);
  const { down, up } = ancestralSplit(sigma, sigmaNext, run.options.eta);
  let data: Float32Array;
  if (down === 0) data = eulerStep(x.data, denoised.data, sigma, 0);
  else {
    const middle = Math.sqrt(sigma * down);
    const x2 = eulerStep(x.data, denoised.data, sigma, middle);
    const D2 = (await run.denoise(like(x, x2), middle)).data;
    data = combine(down / sigma, x.data, 1 - down / sigma, D2);
  }
  if (sigmaNext > 0) data = addNoise(data, up, [sigma, sigmaNext], run.options);
  return { x: like(x, data), denoised };
});
