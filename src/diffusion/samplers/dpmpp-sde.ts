/** @file Stochastic DPM-Solver++ (Lu et al. 2022, appendix; SDE form of k-diffusion): one, two and three denoised versions. */
import { combine, oneCallSampler, type Sampler, stepSampler, sumOf } from './loop.ts';
import { addNoise, ancestralSplit } from './noise-steps.ts';

/** DPM-Solver++ (SDE): a second look in the middle of log σ, each half with its own noise. */
export const dpmppSde: Sampler = stepSampler(run => async (x, i) => {
  const { sigmas, options, denoise } = run;
  const [sigma, sigmaNext] = [sigmas[i], sigmas[i + 1]];
  const denoised = await denoise(x, sigma);
  if (sigmaNext === 0) return { x: { shape: x.shape, data: denoised.data.slice() }, denoised };
  const middle = Math.sqrt(sigma * sigmaNext);
  const half = ancestralSplit(sigma, middle, options.eta);
  const x2 = addNoise(
    combine(half.down / sigma, x.data, 1 - half.down / sigma, denoised.data),
    half.up,
    [sigma, middle],
    options,
  );
  const D2 = (await denoise({ shape: x.shape, data: x2 }, middle)).data;
  const whole = ancestralSplit(sigma, sigmaNext, options.eta);
  const next = combine(whole.down / sigma, x.data, 1 - whole.down / sigma, D2);
  return { x: { shape: x.shape, data: addNoise(next, whole.up, [sigma, sigmaNext], options) }, denoised };
});

/** The share of a step's noise: σ'·√(1 − e^(−2ηh)). */
const noiseOf = (sigmaNext: number, h: number, eta: number): number =>
  sigmaNext * Math.sqrt(-Math.expm1(-2 * eta * h));

/** DPM-Solver++(2M) SDE; `solver` says how the change between two denoised versions is weighed. */
function dpmpp2mSdeOf(solver: 'midpoint' | 'heun'): Sampler {
  return oneCallSampler(({ sigmas, options }) => {
    const { eta = 1 } = options;
    let old: { D: Float32Array; h: number } | undefined;
    return (x, D, i) => {
      const [sigma, sigmaNext] = [sigmas[i], sigmas[i + 1]];
      if (sigmaNext === 0) return D.slice();
      const h = Math.log(sigma / sigmaNext);
      const whole = h + eta * h;
      const share = -Math.expm1(-whole);
      const weight = solver === 'midpoint' ? share / 2 : 1 - share / whole;
      const change = old ? (weight * h) / old.h : 0;
      const next = sumOf(
        [Math.exp(-whole), x],
        [share + change, D],
        ...(old ? [[-change, old.D] as const] : []),
      );
      old = { D, h };
      return addNoise(next, noiseOf(sigmaNext, h, eta), [sigma, sigmaNext], options);
    };
  });
}

export const dpmpp2mSde: Sampler = dpmpp2mSdeOf('midpoint');
export const dpmpp2mSdeHeun: Sampler = dpmpp2mSdeOf('heun');

/** DPM-Solver++(3M) SDE. */
export const dpmpp3mSde: Sampler = oneCallSampler(({ sigmas, options }) => {
  const { eta = 1 } = options;
  let old: readonly { D: Float32Array; h: number }[] = [];
  return (x, D, i) => {
    const [sigma, sigmaNext] = [sigmas[i], sigmas[i + 1]];
    if (sigmaNext === 0) return D.slice();
    const h = Math.log(sigma / sigmaNext);
    const whole = h * (eta + 1);
    const phi2 = Math.expm1(-whole) / whole + 1;
    const [one, two] = old;
    let next = combine(Math.exp(-whole), x, -Math.expm1(-whole), D);
    if (two) {
      const phi3 = phi2 / whole - 0.5;
      const [r0, r1] = [one.h / h, two.h / h];
      const slope = combine(1 / r0, D, -1 / r0, one.D);
      const slopeBefore = combine(1 / r1, one.D, -1 / r1, two.D);
      const [along, bend] = [r0 / (r0 + r1), 1 / (r0 + r1)];
      next = sumOf(
        [1, next],
        [phi2 * (1 + along) - phi3 * bend, slope],
        [phi3 * bend - phi2 * along, slopeBefore],
      );
    } else if (one) {
      const factor = (phi2 * h) / one.h;
      next = sumOf([1, next], [factor, D], [-factor, one.D]);
    }
    old = [{ D, h }, ...old.slice(0, 1)];
    return addNoise(next, noiseOf(sigmaNext, h, eta), [sigma, sigmaNext], options);
  };
});
