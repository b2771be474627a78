/** Noise of a picture against A1111's modules as Forge has them, numpy, torchsde and k-diffusion (tools/goldens/noise.py). */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import {
  openPictureNoise,
  type PictureNoiseOptions,
  type TorchGenerator,
  torchGenerator,
} from '../../src/diffusion/index.ts';
import { brownianTree } from '../../src/diffusion/noise/brownian-tree.ts';
import { philoxGenerator } from '../../src/diffusion/noise/philox-normals.ts';
import { seedWords } from '../../src/diffusion/noise/seed-sequence.ts';

type Source = 'CPU' | 'NV';
interface Golden {
  readonly philox: { seed: string; calls: number[][] }[];
  readonly sequences: { entropy: string; spawnKey: number[]; poolSize: number; words: number[] }[];
  readonly brownian: {
    readonly source: Source;
    readonly seed: string;
    readonly steps: number;
    readonly sigmaMin: number;
    readonly sigmaMax: number;
    readonly count: number;
    readonly every: number;
    readonly queries: { from: number; to: number; noise: number[] }[];
  }[];
  readonly trees: {
    seed: string;
    count: number;
    queries: { from: number; to: number; increment: number[] }[];
  }[];
  readonly pictures: {
    readonly source: Source;
    readonly seed: string;
    readonly shape: [number, number, number];
    readonly variation?: { seed: string; strength: number };
    readonly noiseSize?: { width: number; height: number };
    readonly start: number[];
    readonly steps: number[][];
  }[];
}
const golden: Golden = JSON.parse(readFileSync(new URL('./data/noise.json', import.meta.url), 'utf8'));
const sources = { CPU: 'cpu', NV: 'philox' } as const;

const largestDifference = (a: Float32Array, b: readonly number[]): number => {
  expect(a.length).toBe(b.length);
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);
};

test.each(golden.philox)("Philox of seed $seed is A1111's, bit for bit", ({ seed, calls }) => {
  const generator = philoxGenerator(BigInt(seed));
  for (const call of calls) expect(generator.normals(call.length)).toEqual(Float32Array.from(call));
});

test.each(golden.sequences)('SeedSequence of $entropy, $spawnKey', ({ entropy, words, ...rest }) => {
  expect([...seedWords({ entropy: BigInt(entropy), ...rest }, words.length)]).toEqual(words);
});

describe('Brownian noise', () => {
  /** Normals of torch's CPU differ by up to 4.8e-7 (its vector library); a bridge of 24 splits adds some, /√|Δσ|. */
  const tolerance = 2e-6;

  test.each(golden.brownian)("of k-diffusion's sampler, $source, $steps steps", given => {
    const picture = openPictureNoise({
      ...{ seed: BigInt(given.seed), source: sources[given.source], stepNoise: 'continues' },
      shape: [1, 1, given.count],
    });
    const noise = picture.brownian(given.sigmaMin, given.sigmaMax);
    const differences = given.queries.map(({ from, to, noise: expected }) =>
      largestDifference(
        noise(from, to).filter((_, i) => i % given.every === 0),
        expected,
      ),
    );
    console.log(`largest difference ${Math.max(...differences).toExponential(1)}`);
    expect(Math.max(...differences)).toBeLessThan(tolerance);
  });

  test.each(golden.trees)("of torchsde's tree over 0 … 1, seed $seed", ({ seed, count, queries }) => {
    const tree = brownianTree({
      ...{ seed: BigInt(seed), t0: 0, t1: 1, count },
      generator: torchGenerator,
    });
    for (const { from, to, increment } of queries)
      expect(largestDifference(tree.increment(from, to), increment), `${from} … ${to}`).toBeLessThan(
        tolerance,
      );
  });

  test('does not depend on what was asked before', () => {
    const open = () =>
      openPictureNoise({ seed: 8n, source: 'cpu', stepNoise: 'continues', shape: [4, 8, 8] }).brownian(
        0.03,
        14.6,
      );
    const [once, often] = [open(), open()];
    for (const sigma of [12, 3, 7, 0.5, 7.25]) often(sigma, sigma * 0.6);
    expect(often(7, 6)).toEqual(once(7, 6));
  });

  test('20 steps of a 512² picture draw each split once', () => {
    let draws = 0;
    const generator = (seed: bigint): TorchGenerator => {
      draws++;
      return torchGenerator(seed);
    };
    const tree = brownianTree({ seed: 3n, t0: 0.03, t1: 14.6, count: 4 * 64 * 64, generator });
    const sigmas = Array.from({ length: 20 }, (_, i) => 14.6 * (0.03 / 14.6) ** (i / 19));
    const start = performance.now();
    for (let i = 0; i < 19; i++) tree.increment(sigmas[i + 1], sigmas[i]);
    const milliseconds = performance.now() - start;
    console.log(`Brownian noise of 20 steps, 4×64×64: ${draws} draws, ${milliseconds.toFixed(0)} ms`);
    // 24 halvings lead to a millionth of 14.6; the first of them are shared by all 18 inner sigmas.
    expect(draws).toBeLessThan(18 * 24);
  });
});

describe("a picture's noise is that of A1111's ImageRNG", () => {
  /** torch's normals, and its float32 sums and angles where noise is turned. */
  const tolerance = 2e-6;

  test.each(golden.pictures)('$source $variation $noiseSize', given => {
    const picture = openPictureNoise({
      ...{ seed: BigInt(given.seed), source: sources[given.source], stepNoise: 'continues' },
      ...{ shape: given.shape, noiseSize: given.noiseSize },
      ...(given.variation
        ? { variation: { ...given.variation, seed: BigInt(given.variation.seed) } }
        : undefined),
    });
    expect(largestDifference(picture.start(), given.start)).toBeLessThan(tolerance);
    for (const expected of given.steps)
      expect(largestDifference(picture.next().slice(0, expected.length), expected)).toBeLessThan(tolerance);
  });

  test('the start is the same however often and late it is asked for', () => {
    const options: PictureNoiseOptions = {
      ...{ seed: 5n, source: 'cpu', stepNoise: 'continues', shape: [4, 6, 8] },
    };
    const [one, other] = [openPictureNoise(options), openPictureNoise(options)];
    const first = one.start();
    other.next();
    expect(other.start()).toEqual(first);
    expect(other.start()).toEqual(first);
  });
});

test('ComfyUI on a GPU: the start from the CPU, steps from a CUDA stream of the same seed', () => {
  const seed = BigInt(golden.philox[0].seed);
  const picture = openPictureNoise({
    ...{ seed, source: 'cpu', stepNoise: 'philox-again', shape: [4, 2, 5] },
  });
  expect(picture.start()).toEqual(torchGenerator(seed).normals(40));
  for (const call of golden.philox[0].calls) expect(picture.next()).toEqual(Float32Array.from(call));
});
