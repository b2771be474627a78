/** Random streams: known answers of Philox4x32-10, and the statistics of what is made of it. */
import { describe, expect, test } from 'vitest';
import { philox, type RandomStream, randomStream } from './random.ts';

/** Known answers published with Random123 (Salmon et al. 2011), philox4x32 with 10 rounds. */
test.each([
  {
    counter: [0, 0, 0, 0],
    key: [0, 0],
    words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
])('philox of key $key', ({ counter, key, words }) => {
  expect(philox(counter, key)).toEqual(words);
});

const count = 20_000;
const meanOf = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;
const draws = (next: () => number): number[] => Array.from({ length: count }, next);

/** Seeds are fixed, so these cannot fail by chance; 4.5 standard errors would be a 1 in 100,000 event. */
const standardErrors = 4.5;

describe('distributions', () => {
  test('uniform numbers fill [0, 1) evenly', () => {
    const stream = randomStream(1, 'uniform');
    const xs = draws(() => stream.uniform());
    expect(Math.min(...xs)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...xs)).toBeLessThan(1);
    // Kolmogorov–Smirnov: largest distance of the empirical distribution; 1.95/√n is the 0.1% bound.
    const distance = xs.toSorted((a, b) => a - b).map((x, i) => Math.abs(x - (i + 0.5) / count));
    expect(Math.max(...distance)).toBeLessThan(1.95 / Math.sqrt(count));
  });

  test('normal numbers have the moments of N(0, 1)', () => {
    const stream = randomStream(2, 'normal');
    const xs = draws(() => stream.normal());
    // Variances of x, x², x³, x⁴ under N(0, 1) are 1, 2, 15, 96.
    const moments = [
      { power: 1, mean: 0, variance: 1 },
      { power: 2, mean: 1, variance: 2 },
      { power: 3, mean: 0, variance: 15 },
      { power: 4, mean: 3, variance: 96 },
    ];
    for (const { power, mean, variance } of moments) {
      const error = Math.abs(meanOf(xs.map(x => x ** power)) - mean);
      expect(error, `moment ${power}`).toBeLessThan(standardErrors * Math.sqrt(variance / count));
    }
  });

  test('integers are evenly spread below their bound', () => {
    const stream = randomStream(3, 'integer');
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < count; i++) counts[stream.integer(7)]++;
    const expected = count / 7;
    const chiSquare = counts.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(22.5); // 6 degrees of freedom, 0.1%
    expect(counts.reduce((a, b) => a + b)).toBe(count);
  });

  test('permutations hold every index once, and every order is as likely', () => {
    const stream = randomStream(4, 'order');
    expect(stream.permutation(50).toSorted((a, b) => a - b)).toEqual([...Array(50).keys()]);
    const seen = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = stream.permutation(3).join('');
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect(seen.size).toBe(6);
    const chiSquare = [...seen.values()].reduce((sum, times) => sum + (times - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(20.5); // 5 degrees of freedom, 0.1%
    expect(stream.permutation(0)).toEqual([]);
  });
});

describe('streams', () => {
  /** Worked out apart from this code; run states and caches rely on these numbers never changing. */
  test('the numbers of a key are fixed for all time', () => {
    const draw = (stream: RandomStream): number[] => Array.from({ length: 4 }, () => stream.uniform());
    expect(draw(randomStream(7, 'noise', 3, 1))).toEqual([
      0.4861839208924056, 0.9011197115565475, 0.21565031730657924, 0.1734107573927769,
    ]);
    const large = randomStream(7 + 2 * 2 ** 32, 'timestep', 5 + 2 ** 32, 2);
    expect(draw(large)).toEqual([
      0.17785284685698355, 0.3502506935650129, 0.8790569918527632, 0.7851163563835946,
    ]);
  });

  const open = (): [string, RandomStream][] => [
    ['base', randomStream(7, 'noise', 3, 1)],
    ['seed', randomStream(8, 'noise', 3, 1)],
    ['seed beyond 32 bits', randomStream(7 + 2 ** 32, 'noise', 3, 1)],
    ['purpose', randomStream(7, 'timestep', 3, 1)],
    ['step', randomStream(7, 'noise', 4, 1)],
    ['step beyond 32 bits', randomStream(7, 'noise', 3 + 2 ** 32, 1)],
    ['sample', randomStream(7, 'noise', 3, 2)],
    ['step and sample exchanged', randomStream(7, 'noise', 1, 3)],
  ];

  test('the same key gives the same numbers, whatever was drawn before', () => {
    const first = randomStream(7, 'noise', 3, 1);
    randomStream(9, 'other').normals(5);
    const again = randomStream(7, 'noise', 3, 1);
    expect(again.normals(33)).toEqual(first.normals(33));
  });

  test('streams whose keys differ in one part share no number and are uncorrelated', () => {
    const all = open().map(([name, stream]) => ({ name, xs: draws(() => stream.normal()) }));
    const seen = new Set(all.flatMap(({ xs }) => xs));
    expect(seen.size).toBe(all.length * count);
    for (const [i, { name, xs }] of all.entries()) {
      for (const other of all.slice(i + 1)) {
        const correlation = Math.abs(meanOf(xs.map((x, j) => x * other.xs[j])));
        expect(correlation, `${name} and ${other.name}`).toBeLessThan(standardErrors / Math.sqrt(count));
      }
    }
  });

  test('consecutive numbers of one stream are uncorrelated', () => {
    const stream = randomStream(7, 'noise');
    const xs = draws(() => stream.normal());
    for (const lag of [1, 2, 3, 4]) {
      const correlation = meanOf(xs.slice(lag).map((x, i) => x * xs[i]));
      expect(Math.abs(correlation), `lag ${lag}`).toBeLessThan(standardErrors / Math.sqrt(count));
    }
  });

  test('normals are the stream of normal, as float32', () => {
    const [a, b] = [randomStream(1, 'x'), randomStream(1, 'x')];
    expect([...a.normals(9)]).toEqual(Array.from({ length: 9 }, () => Math.fround(b.normal())));
  });
});
