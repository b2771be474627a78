/** What the table says of each sampler is what it does: calls, noise, options; and that a run can be stopped. */
import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../engine/index.ts';
import type { Denoise } from '../denoiser.ts';
import { samplers } from '../index.ts';
import type { SampleOptions, Sampler } from './loop.ts';

const sigmas = [10, 6, 3.5, 2, 1, 0.4, 0];
const steps = sigmas.length - 1;
const start: Tensor = { shape: [1, 1, 2, 2], data: Float32Array.of(9, -4, 2, -11) };

interface Trace {
  readonly calls: number[];
  readonly ways: [number, number][];
}

/** Of data that is ±1, each as likely: x₀ = tanh(x/σ²). */
async function run(sampler: Sampler, options: Partial<SampleOptions> = {}, x = start) {
  const trace: Trace = { calls: [], ways: [] };
  const denoise: Denoise = async (x, sigma) => {
    trace.calls.push(sigma);
    return { shape: x.shape, data: x.data.map(value => Math.tanh(value / sigma ** 2)) };
  };
  const noise = (sigma: number, next: number): Tensor => {
    trace.ways.push([sigma, next]);
    const of = trace.ways.length;
    return { shape: x.shape, data: x.data.map((_, i) => Math.sin(of * 7 + (i % 4))) };
  };
  const end = await sampler(denoise, x, sigmas, { noise, ...options });
  return { end, ...trace };
}

describe.each(samplers)('$label', ({ sampler, noise, callsPerStep, options }) => {
  test('calls the denoiser as often as it says, and the first time at the first sigma', async () => {
    const { calls } = await run(sampler);
    expect(calls).toHaveLength(callsPerStep * (steps - 1) + 1);
    expect(calls[0]).toBe(sigmas[0]);
  });

  test('asks for noise on ways that fall, where it has any', async () => {
    const { ways } = await run(sampler, { eta: 1, churn: { amount: 5, from: 0, to: 100 } });
    expect(ways.length > 0).toBe(noise !== 'none');
    for (const [from, to] of ways) expect(from).toBeGreaterThan(to);
  });

  test('knows the options that it says, and no other', async () => {
    const given = {
      eta: { eta: 0.5 },
      noise: { sNoise: 1.5 },
      churn: { churn: { amount: 5, from: 0, to: 9 } },
    };
    for (const name of ['eta', 'noise', 'churn'] as const) {
      // DDIM and those that churn have noise to multiply only where it is asked for.
      const base: Partial<SampleOptions> =
        name === 'noise' ? { eta: 1, churn: { amount: 5, from: 0, to: 9 } } : {};
      const plain = await run(sampler, base);
      const changed = await run(sampler, { ...base, ...given[name] });
      expect(changed.end.data.join() !== plain.end.data.join(), name).toBe(options.includes(name));
    }
  });

  test('tells of each step and leaves its input as it was', async () => {
    const seen: [number, number, number][] = [];
    const before = start.data.slice();
    const onStep: SampleOptions['onStep'] = ({ step, steps, sigma }) => seen.push([step, steps, sigma]);
    await run(sampler, { onStep });
    expect(seen).toEqual(sigmas.slice(1).map((sigma, i) => [i + 1, steps, sigma]));
    expect(start.data).toEqual(before);
  });

  test('stops before the next call, also within a step', async () => {
    for (const after of [1, 2, 3]) {
      const stopping = new AbortController();
      let calls = 0;
      const denoise: Denoise = async (x, sigma) => {
        calls++;
        if (calls === after) stopping.abort();
        return { shape: x.shape, data: x.data.map(value => value / (1 + sigma)) };
      };
      const options = { noise: () => start, signal: stopping.signal };
      await expect(sampler(denoise, start, sigmas, options)).rejects.toThrow();
      expect(calls).toBe(after);
    }
  });

  test('a picture is the same alone and in a batch, bit for bit', async () => {
    const two: Tensor = { shape: [2, 1, 2, 2], data: Float32Array.of(1, 2, 3, 4, ...start.data) };
    const alone = await run(sampler);
    const together = await run(sampler, {}, two);
    expect(together.end.data.slice(4)).toEqual(alone.end.data);
  });
});
