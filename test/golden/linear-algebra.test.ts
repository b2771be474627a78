/** Singular values against NumPy's (tools/goldens/linear_algebra.py), and how near truncations come to the best. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import {
  gram,
  type Matrix,
  matrix,
  multiply,
  openProducts,
  type PartialSvd,
  randomizedSvd,
  randomizedSvdToEnergy,
  rankForEnergy,
  type Svd,
  svd,
  svdOfProduct,
  toMatrix,
  toTensor,
  transposeMatrix,
} from '../../src/engine/index.ts';
import { given } from './hashed-weights.ts';

const golden: Record<string, { readonly shape: [number, number]; readonly values: number[] }> = JSON.parse(
  readFileSync(new URL('./data/linear-algebra.json', import.meta.url), 'utf8'),
).spectra;

const hashed = (name: string, rows: number, columns: number): Matrix =>
  toMatrix(given(name, [rows, columns]));
const scaleColumns = (m: Matrix, factor: (column: number) => number): Matrix =>
  matrix(
    m.rows,
    m.columns,
    m.data.map((x, i) => x * factor(i % m.columns)),
  );
const plus = (a: Matrix, b: Matrix, factor: number): Matrix =>
  matrix(
    a.rows,
    a.columns,
    a.data.map((x, i) => x + factor * b.data[i]),
  );

/** The matrices of tools/goldens/linear_algebra.py. */
const makers: Record<string, () => Matrix> = {
  flat: () => hashed('flat', 192, 192),
  'flat tall': () => hashed('flat tall', 512, 96),
  'flat wide': () => hashed('flat wide', 96, 512),
  decaying: () => scaleColumns(hashed('decaying', 256, 128), i => 0.8 ** i),
  'slowly decaying': () => scaleColumns(hashed('slowly decaying', 128, 256), i => 1 / (i + 1)),
  'rank 12': () => multiply(hashed('rank 12 up', 160, 12), hashed('rank 12 down', 12, 128)),
  'rank 4 and noise': () =>
    plus(multiply(hashed('noise up', 128, 4), hashed('noise down', 4, 144)), hashed('noise', 128, 144), 1e-3),
  zero: () => matrix(24, 40),
};
const names = Object.keys(makers);
const made = (name: string): Matrix => toMatrix(toTensor(makers[name]()));

const norm = (data: ArrayLike<number>): number =>
  Math.sqrt(Array.from(data).reduce((sum, x) => sum + x * x, 0));
const tailOf = (values: readonly number[], rank: number): number => norm(values.slice(rank));

/** ‖A − Σ σᵢ·leftᵢᵀ·rightᵢ‖ */
function residual(a: Matrix, { values, left, right }: Svd): number {
  const scaled = right.data.map((x, i) => x * values[Math.floor(i / right.columns)]);
  const rebuilt = multiply(transposeMatrix(left), matrix(right.rows, right.columns, scaled));
  return norm(a.data.map((x, i) => x - rebuilt.data[i]));
}

function notOrthonormal(m: Matrix): number {
  const { data } = gram(m);
  return norm(data.map((x, i) => x - (i % (m.rows + 1) === 0 ? 1 : 0)));
}

test('both sides have the same matrices', () => {
  expect(names).toEqual(Object.keys(golden));
});

describe.each(names)('%s', name => {
  const { shape, values } = golden[name];
  const largest = values[0];

  test('svd: every value within rounding of the largest, both sides orthonormal', () => {
    const a = made(name);
    expect([a.rows, a.columns]).toEqual(shape);
    const found = svd(a);
    expect(found.values.length).toBe(values.length);
    for (const [i, value] of values.entries())
      expect(Math.abs(found.values[i] - value)).toBeLessThanOrEqual(1e-13 * largest);
    expect(residual(a, found)).toBeLessThanOrEqual(1e-12 * largest);
    expect(notOrthonormal(found.left)).toBeLessThan(1e-11);
    expect(notOrthonormal(found.right)).toBeLessThan(1e-11);
  });
});

describe('a product of thin matrices', () => {
  test('has the values of the matrix that it makes', () => {
    const found = svdOfProduct(hashed('rank 12 up', 160, 12), hashed('rank 12 down', 12, 128));
    expect(found.values.length).toBe(12);
    // The golden is of the product rounded to float32.
    for (const [i, value] of found.values.entries())
      expect(Math.abs(value / golden['rank 12'].values[i] - 1)).toBeLessThan(1e-6);
  });
});

describe('randomized', () => {
  const products = openProducts();
  afterAll(() => products.release());

  const check = (name: string, rank: number, found: PartialSvd): void => {
    const { values } = golden[name];
    const a = made(name);
    const tail = tailOf(values, rank);
    expect(Math.abs(found.energy - norm(values) ** 2)).toBeLessThanOrEqual(1e-12 * found.energy);
    expect(notOrthonormal(found.left)).toBeLessThan(1e-9);
    expect(notOrthonormal(found.right)).toBeLessThan(1e-9);
    // Products are float32: what is below 1e-6 of the matrix is rounding.
    const floor = 1e-6 * norm(values);
    const excess = residual(a, found) - tail;
    expect(excess).toBeLessThanOrEqual((/^flat/.test(name) ? 1e-3 : 1e-5) * tail + floor);
    for (const [i, value] of found.values.entries())
      if (!/^flat|noise/.test(name))
        expect(Math.abs(value - values[i])).toBeLessThanOrEqual(1e-5 * values[0]);
  };

  test.each(names.flatMap(name => [1, 4, 16].map(rank => [name, rank] as const)))(
    '%s to rank %i: error against the best',
    async (name, rank) => {
      check(name, rank, await randomizedSvd(toTensor(made(name)), rank, { products }));
    },
  );

  test.each(['flat', 'decaying', 'slowly decaying', 'rank 12', 'rank 4 and noise'])(
    '%s: the rank that keeps 0.9 of the energy',
    async name => {
      const { values } = golden[name];
      const best = rankForEnergy(Float64Array.from(values), norm(values) ** 2, 0.9) as number;
      const options = { products, share: 0.9, maxRank: 200 };
      const found = await randomizedSvdToEnergy(toTensor(made(name)), options);
      expect(found.values.length).toBe(best);
      expect(norm(found.values) ** 2).toBeGreaterThanOrEqual(0.9 * found.energy);
    },
  );

  test('the rank that would keep more than is let is the limit', async () => {
    const found = await randomizedSvdToEnergy(toTensor(made('flat')), { products, share: 0.99, maxRank: 10 });
    expect(found.values.length).toBe(10);
  });
});
