/** @file The training noise schedule and what follows from it (Ho et al. 2020; sigmas: Karras et al. 2022). */

export interface NoiseScheduleOptions {
  readonly trainSteps: number;
  readonly betaStart: number;
  readonly betaEnd: number;
  readonly kind: 'linear' | 'scaled_linear' | 'squaredcos_cap_v2';
  /** Shift the schedule so that the last step is pure noise (Lin et al. 2023, algorithm 1). */
  readonly rescaleZeroTerminalSnr?: boolean;
}

export interface NoiseSchedule {
  /** ᾱ of every training timestep, falling. */
  readonly alphasCumprod: Float64Array;
  /** √((1 − ᾱ)/ᾱ), rising. */
  readonly sigmas: Float64Array;
}

function betas({ trainSteps, betaStart, betaEnd, kind }: NoiseScheduleOptions): Float64Array {
  const out = new Float64Array(trainSteps);
  const cosine = (x: number): number => Math.cos((((x + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  for (let i = 0; i < trainSteps; i++) {
    const along = trainSteps === 1 ? 0 : i / (trainSteps - 1);
    if (kind === 'linear') out[i] = betaStart + (betaEnd - betaStart) * along;
    else if (kind === 'scaled_linear') {
      out[i] = (Math.sqrt(betaStart) + (Math.sqrt(betaEnd) - Math.sqrt(betaStart)) * along) ** 2;
    } else out[i] = Math.min(1 - cosine((i + 1) / trainSteps) / cosine(i / trainSteps), 0.999);
  }
  return out;
}

/** ᾱ of the last step when the SNR there is made zero; kept above 0 so that sigmas stay finite (A1111, ComfyUI). */
const terminalAlphaBar = 4.8973451890853435e-8;

function rescaleToZeroSnr(alphasCumprod: Float64Array): void {
  const roots = alphasCumprod.map(Math.sqrt);
  const [first, last] = [roots[0], roots[roots.length - 1]];
  for (let i = 0; i < roots.length; i++)
    alphasCumprod[i] = (((roots[i] - last) * first) / (first - last)) ** 2;
  alphasCumprod[alphasCumprod.length - 1] = terminalAlphaBar;
}

export function noiseSchedule(options: NoiseScheduleOptions): NoiseSchedule {
  const alphasCumprod = betas(options);
  let product = 1;
  for (let i = 0; i < alphasCumprod.length; i++) {
    product *= 1 - alphasCumprod[i];
    alphasCumprod[i] = product;
  }
  if (options.rescaleZeroTerminalSnr) rescaleToZeroSnr(alphasCumprod);
  return { alphasCumprod, sigmas: alphasCumprod.map(a => Math.sqrt((1 - a) / a)) };
}

/** The (fractional) timestep of a sigma, linear in log σ. */
export function sigmaToTimestep({ sigmas }: NoiseSchedule, sigma: number): number {
  const target = Math.log(sigma);
  let low = 0;
  while (low < sigmas.length - 2 && Math.log(sigmas[low + 1]) <= target) low++;
  const [a, b] = [Math.log(sigmas[low]), Math.log(sigmas[low + 1])];
  return low + Math.min(1, Math.max(0, (target - a) / (b - a)));
}

/** The sigma of a (fractional) timestep, linear in log σ. */
export function timestepToSigma({ sigmas }: NoiseSchedule, timestep: number): number {
  const low = Math.min(Math.floor(timestep), sigmas.length - 2);
  const along = timestep - low;
  return Math.exp((1 - along) * Math.log(sigmas[low]) + along * Math.log(sigmas[low + 1]));
}
