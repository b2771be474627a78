/** @file UniPC (Zhao et al. 2023, algorithm 5–8, data prediction) in the variance-exploding variable, λ = −log σ. */
import { oneCallSampler, type Sampler, sumOf, type Term } from './loop.ts';

const usualOrder = 3;

/** ComfyUI's stand-in for a last sigma of 0, where λ would be infinite. */
const lastSigma = 0.001;

interface Known {
  readonly D: Float32Array;
  readonly lambda: number;
}

interface Update {
  /** x and the newest denoised version where the update starts, without those of the correction. */
  readonly base: Float32Array;
  readonly before: readonly Known[]; // the newest first
  readonly h: number;
  readonly order: number;
}

/** Solves R·ρ = b by elimination with pivots; R is small and square. */
function solve(R: readonly (readonly number[])[], b: readonly number[]): number[] {
  const rows = R.map((row, i) => [...row, b[i]]);
  const n = rows.length;
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let k = i + 1; k < n; k++) if (Math.abs(rows[k][i]) > Math.abs(rows[pivot][i])) pivot = k;
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    for (let k = i + 1; k < n; k++) {
      const factor = rows[k][i] / rows[i][i];
      for (let j = i; j <= n; j++) rows[k][j] -= factor * rows[i][j];
    }
  }
  const out = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    let rest = rows[i][n];
    for (let j = i + 1; j < n; j++) rest -= rows[i][j] * out[j];
    out[i] = rest / rows[i][i];
  }
  return out;
}

/** B(h), and ρ of predictor and corrector, for places r of the known points in units of h, the new one (1) last. */
function coefficients(variant: 'bh1' | 'bh2', h: number, places: readonly number[]) {
  const order = places.length;
  const bh = variant === 'bh1' ? -h : Math.expm1(-h);
  const b: number[] = [];
  let phi = Math.expm1(-h) / -h - 1;
  let factorial = 1;
  for (let i = 1; i <= order; i++) {
    b.push((phi * factorial) / bh);
    factorial *= i + 1;
    phi = phi / -h - 1 / factorial;
  }
  const R = b.map((_, power) => places.map(r => r ** power));
  const shorter = R.slice(0, -1).map(row => row.slice(0, -1));
  return {
    bh,
    // The first orders are fixed at 1/2 (paper, appendix F).
    predictor: order === 2 ? [0.5] : solve(shorter, b.slice(0, -1)),
    corrector: order === 1 ? [0.5] : solve(R, b),
  };
}

/** x at the end of an update; with `newD` what the denoiser said there, corrected by it. */
function finish({ base, before, h, order }: Update, variant: 'bh1' | 'bh2', newD?: Float32Array) {
  const [latest, ...older] = before.slice(0, order);
  const places = [...older.map(({ lambda }) => (lambda - latest.lambda) / h), 1];
  const { bh, predictor, corrector } = coefficients(variant, h, places);
  const rho = newD ? corrector : predictor;
  const terms: Term[] = [];
  let ofLatest = 0;
  const differences = [...older.map(({ D }) => D), ...(newD ? [newD] : [])];
  for (const [k, D] of differences.entries()) {
    const factor = (-bh * rho[k]) / places[k];
    terms.push([factor, D]);
    ofLatest -= factor;
  }
  return sumOf([1, base], [ofLatest, latest.D], ...terms);
}

/**
 * Predictor and corrector with one call a step. As A1111 and ComfyUI have it: order 3 unless said, lower at both ends, no correction
 * of the last step; a last sigma of 0 becomes 0.001.
 */
function uniPcOf(variant: 'bh1' | 'bh2'): Sampler {
  return oneCallSampler(({ sigmas, options: { highestOrder: maxOrder = usualOrder } }) => {
    const steps = sigmas.length - 1;
    const endsAtZero = sigmas[steps] === 0;
    const highest = Math.max(1, Math.min(maxOrder, endsAtZero ? steps - 1 : steps));
    let known: readonly Known[] = [];
    let update: Update | undefined;
    return (predicted, D, i) => {
      const x = update ? finish(update, variant, D) : predicted;
      known = [{ D, lambda: -Math.log(sigmas[i]) }, ...known.slice(0, maxOrder - 1)];
      const sigmaNext = endsAtZero && i === steps - 1 ? lastSigma : sigmas[i + 1];
      const h = Math.log(sigmas[i] / sigmaNext);
      const order = i + 1 < highest ? i + 1 : Math.min(highest, steps - i);
      const base = sumOf([sigmaNext / sigmas[i], x], [-Math.expm1(-h), D]);
      update = { base, before: known, h, order };
      return finish(update, variant);
    };
  });
}

export const uniPc: Sampler = uniPcOf('bh1');
export const uniPcBh2: Sampler = uniPcOf('bh2');
