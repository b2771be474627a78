/** Start noise, schedules and samplers against torch, diffusers and k-diffusion (tools/goldens/sampling.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  noiseSchedule,
  type SamplerName,
  type SchedulerName,
  timestepToSigma,
  torchGenerator,
} from '../../src/diffusion/index.ts';
import { sigmasFor } from '../../src/diffusion/schedulers/table.ts';
import { leadingTimesteps, trailingTimesteps } from '../../src/diffusion/schedulers/timesteps.ts';
import type { Tensor } from '../../src/engine/index.ts';
import { type DenoiserRun, runDenoiser } from '../../src/generation/denoise-run.ts';
import { simpleRun } from '../support/denoiser-run.ts';

interface Mixture {
  readonly weights: number[];
  readonly centers: number[][];
}
interface Run {
  readonly oracle: string;
  readonly sampler: SamplerName;
  readonly scheduler: SchedulerName;
  readonly steps: number;
  readonly prediction: 'epsilon' | 'v_prediction';
  readonly setAlphaToOne?: boolean;
  readonly schedule?: string;
  readonly latents: number[][];
}
interface Golden {
  readonly noise: {
    seed: string;
    draws: { count: number; at: number[]; values: number[]; sumOfSquares: number }[];
  }[];
  readonly schedules: Record<
    string,
    { options: Record<string, unknown>; at: number[]; alphasCumprod: number[] }
  >;
  readonly sigmas: { scheduler: SchedulerName; steps: number; sigmas: number[] }[];
  readonly timesteps: { scheduler: 'trailing' | 'leading'; steps: number; timesteps: number[] }[];
  readonly leadingWithoutOffset: number[];
  readonly diffusersSigmas: { scheduler: SchedulerName; steps: number; sigmas: number[] }[];
  readonly mixture: { variance: number; conditional: Mixture; unconditional: Mixture };
  readonly guidance: number;
  readonly shape: number[];
  readonly seeds: string[];
  readonly runs: Run[];
}
const golden: Golden = JSON.parse(readFileSync(new URL('./data/sampling.json', import.meta.url), 'utf8'));

const stableDiffusion = {
  trainSteps: 1000,
  betaStart: 0.00085,
  betaEnd: 0.012,
  kind: 'scaled_linear',
} as const;
const schedule = noiseSchedule(stableDiffusion);

function expectClose(actual: ArrayLike<number>, expected: readonly number[], relative: number): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs(actual[i] - value), `number ${i}: ${actual[i]} for ${value}`).toBeLessThanOrEqual(
      relative * Math.max(1e-12, Math.abs(value)),
    );
}

describe('torchGenerator = torch.randn on the CPU', () => {
  test.each(golden.noise)('seed $seed', ({ seed, draws }) => {
    const generator = torchGenerator(BigInt(seed));
    for (const { count, at, values, sumOfSquares } of draws) {
      const drawn = generator.normals(count);
      // torch evaluates log, cos and sin with its own vector library: a unit in the last place of values up to 5
      // (4.8e-7). Fewer than 16 values are float64 in torch and here; only the rounding to float32 remains.
      for (const [i, index] of at.entries())
        expect(Math.abs(drawn[index] - values[i])).toBeLessThan(count < 16 ? 1e-12 : 6e-7);
      const sum = drawn.reduce((total, x) => total + x * x, 0);
      expect(Math.abs(sum / sumOfSquares - 1)).toBeLessThan(1e-6);
    }
  });

  test('a number and the same bigint are one seed', () => {
    expect(torchGenerator(77).normals(20)).toEqual(torchGenerator(77n).normals(20));
  });
});

describe('noise schedules = diffusers', () => {
  test.each(Object.entries(golden.schedules))('%s', (_, { options, at, alphasCumprod }) => {
    const { alphasCumprod: ours, sigmas } = noiseSchedule({
      trainSteps: 1000,
      betaStart: options.beta_start as number,
      betaEnd: options.beta_end as number,
      kind: options.beta_schedule as 'linear',
      rescaleZeroTerminalSnr: options.rescale_betas_zero_snr === true,
    });
    // diffusers multiplies 1000 factors in float32: 1000 roundings of 6e-8 at worst. Rescaling subtracts the last
    // root from the others, which leaves that error as an absolute one.
    for (const [i, t] of at.entries())
      expect(Math.abs(ours[t] - alphasCumprod[i])).toBeLessThan(2e-7 + 6e-5 * alphasCumprod[i]);
    expect(sigmas.every((sigma, i) => Number.isFinite(sigma) && (i === 0 || sigma > sigmas[i - 1]))).toBe(
      true,
    );
  });

  test('the numbers that everyone quotes for Stable Diffusion', () => {
    expect(schedule.sigmas[0]).toBeCloseTo(0.02916716, 6);
    expect(schedule.sigmas[999]).toBeCloseTo(14.61464, 4);
  });

  test('zero terminal SNR ends where A1111 and ComfyUI end, not at infinity', () => {
    const rescaled = noiseSchedule({ ...stableDiffusion, rescaleZeroTerminalSnr: true });
    expect(rescaled.alphasCumprod[999]).toBe(4.8973451890853435e-8);
    expect(rescaled.alphasCumprod[0]).toBeCloseTo(schedule.alphasCumprod[0], 12);
  });
});

describe('spacings', () => {
  test.each(golden.sigmas)('$scheduler, $steps steps = k-diffusion', ({ scheduler, steps, sigmas }) => {
    // Both float64; the file has ten digits.
    expectClose(sigmasFor(scheduler, schedule, { steps }), [...sigmas, 0], 1e-9);
  });

  test.each(golden.diffusersSigmas)(
    '$scheduler, $steps steps = diffusers',
    ({ scheduler, steps, sigmas }) => {
      // diffusers' sigmas come from a float32 product of 1000 factors.
      expectClose(sigmasFor(scheduler, schedule, { steps }), sigmas, 2e-5);
    },
  );

  test.each(golden.timesteps)('$scheduler, $steps timesteps = diffusers', golden => {
    const { scheduler, steps, timesteps } = golden;
    const ours =
      scheduler === 'trailing' ? trailingTimesteps(schedule, steps) : leadingTimesteps(schedule, steps, 1);
    expect(ours).toEqual(timesteps);
  });

  test('leading follows the checkpoint’s steps_offset', () => {
    const sigmas = sigmasFor('leading', schedule, { steps: 20, stepsOffset: 0 });
    expect(sigmas.slice(0, -1)).toEqual(golden.leadingWithoutOffset.map(t => schedule.sigmas[t]));
  });
});

/** E[x₀ | x] of a mixture of Gaussians; x = x₀ + sigma·noise, one latent. */
function posteriorMean(x: Float64Array, sigma: number, { weights, centers }: Mixture): Float64Array {
  const { variance } = golden.mixture;
  const whole = variance + sigma * sigma;
  const logs = centers.map((center, k) => {
    const distance = x.reduce((sum, value, i) => sum + (value - center[i % 4]) ** 2, 0);
    return Math.log(weights[k]) - distance / (2 * whole);
  });
  const most = Math.max(...logs);
  const shares = logs.map(log => Math.exp(log - most));
  const total = shares.reduce((a, b) => a + b);
  return x.map((value, i) => {
    const mean = centers.reduce((sum, center, k) => sum + (shares[k] / total) * center[i % 4], 0);
    return (variance * value + sigma * sigma * mean) / whole;
  });
}

/** A network that knows the answer: scaled input and timestep → ε or v, unconditional half first. */
function analyticSession(run: Run, own: typeof schedule): DenoiserRun['session'] {
  return {
    async predict(sample, timestep) {
      const sigma = timestepToSigma(own, timestep);
      const alpha = 1 / Math.sqrt(1 + sigma * sigma);
      const size = golden.shape[1] * golden.shape[2] * golden.shape[3];
      const out = new Float32Array(sample.data.length);
      const pictures = out.length / size;
      for (let p = 0; p < pictures; p++) {
        const scaled = Float64Array.from(sample.data.subarray(p * size, (p + 1) * size)); // α·x
        const x = scaled.map(value => value / alpha);
        const which = p < pictures / 2 ? 'unconditional' : 'conditional';
        const clean = posteriorMean(x, sigma, golden.mixture[which]);
        for (let i = 0; i < size; i++) {
          const epsilon = (x[i] - clean[i]) / sigma;
          const v = alpha * epsilon - sigma * alpha * clean[i];
          out[p * size + i] = run.prediction === 'epsilon' ? epsilon : v;
        }
      }
      return { shape: sample.shape, data: out };
    },
  };
}

function runOf(run: Run, seeds: readonly string[]): DenoiserRun {
  const { options } = golden.schedules[run.schedule ?? 'sd'];
  const rescaleZeroTerminalSnr = options.rescale_betas_zero_snr === true;
  const context: Tensor = { shape: [1, 1, 1], data: new Float32Array(1) };
  const [, channels, height, width] = golden.shape;
  return simpleRun({
    scheduler: {
      ...stableDiffusion,
      betaSchedule: 'scaled_linear',
      predictionType: run.prediction,
      ...{ timestepSpacing: 'leading', saysSpacing: true },
      stepsOffset: 1,
      setAlphaToOne: run.setAlphaToOne ?? false,
      rescaleZeroTerminalSnr,
    },
    session: analyticSession(run, noiseSchedule({ ...stableDiffusion, rescaleZeroTerminalSnr })),
    states: seeds.flatMap(() => [0, 1].map(() => ({ context, pooled: undefined, truncated: '' }))),
    seeds: seeds.map(BigInt),
    choice: { sampler: run.sampler, scheduler: run.scheduler },
    ...{ steps: run.steps, guidance: golden.guidance },
    shape: [channels, height, width],
    size: [8 * width, 8 * height],
  });
}

/**
 * k-diffusion in float64 against our latents in float32, start noise that differs by 2e-7 and is multiplied by 14;
 * diffusers has its sigmas in float32 as well. Measured: up to 4e-6. Zero terminal SNR: diffusers starts at ᾱ = 0,
 * we at A1111's 4.9e-8, which leaves √ᾱ = 2e-4 of the start noise in the first step; measured 1e-4.
 */
const tolerances: Readonly<Record<string, number>> = { zeroSnr: 3e-4 };

describe('a whole run on an analytic network', () => {
  test.each(golden.runs)('$sampler, $scheduler, $steps steps, $prediction = $oracle', async run => {
    const tolerance = tolerances[run.schedule ?? ''] ?? 1e-5;
    const latents = await runDenoiser(runOf(run, golden.seeds));
    for (const [p, latent] of latents.entries()) {
      const worst = run.latents[p].reduce(
        (most, value, i) => Math.max(most, Math.abs(latent.data[i] - value)),
        0,
      );
      expect(worst).toBeLessThan(tolerance);
    }
  });

  test.each(['ddim', 'euler', 'euler_ancestral', 'dpmpp_2m'] as const)(
    '%s: a picture is the same alone and in a batch, bit for bit',
    async sampler => {
      const run = golden.runs.find(run => run.sampler === sampler) as Run;
      const together = await runDenoiser(runOf(run, ['7', '8', '9']));
      for (const [i, seed] of ['7', '8', '9'].entries()) {
        const [alone] = await runDenoiser(runOf(run, [seed]));
        expect(alone).toEqual(together[i]);
      }
    },
  );

  test('a network that gives NaN stops the run at once', async () => {
    const run = runOf(golden.runs[0], ['1']);
    let calls = 0;
    const predict: DenoiserRun['session']['predict'] = async sample => {
      calls++;
      return { shape: sample.shape, data: sample.data.map(() => (calls === 2 ? Number.NaN : 0)) };
    };
    await expect(runDenoiser({ ...run, session: { predict } })).rejects.toMatchObject({
      code: 'PICTURE_NOT_FINITE',
      exit: 'failure',
    });
    expect(calls).toBe(2);
  });
});
