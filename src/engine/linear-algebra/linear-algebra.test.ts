/** Properties that hold for every matrix; numbers of NumPy are in test/golden/linear-algebra.test.ts. */
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { randomStream } from '../tensor/random.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { gram, identity, innerProducts, type Matrix, matrix, multiply, transposeMatrix } from './matrix.ts';
import { orthonormalRows } from './orthonormal-rows.ts';
import { openProducts } from './products.ts';
import { randomizedSvd } from './randomized-svd.ts';
import { type Svd, svd, svdOfProduct } from './svd.ts';

/** Rounding of sums of up to some hundred float64 products. */
const tolerance = 1e-12;

const normOf = (data: ArrayLike<number>): number =>
  Math.sqrt(Array.from(data).reduce((sum, x) => sum + x * x, 0));

/** ‖a − b‖ over ‖b‖, or over 1 for small b. */
function difference(a: Matrix, b: Matrix): number {
  expect([a.rows, a.columns]).toEqual([b.rows, b.columns]);
  return normOf(a.data.map((x, i) => x - b.data[i])) / Math.max(1, normOf(b.data));
}

const notOrthonormal = (m: Matrix): number => difference(gram(m), identity(m.rows));

function rebuild({ values, left, right }: Svd): Matrix {
  const scaled = right.data.map((x, i) => x * values[Math.floor(i / right.columns)]);
  return multiply(transposeMatrix(left), matrix(right.rows, right.columns, scaled));
}

/** Matrices with repeated rows, zero rows, rows of very different length, and few columns. */
const matrices = fc
  .record({
    rows: fc.integer({ min: 1, max: 12 }),
    columns: fc.integer({ min: 1, max: 12 }),
    seed: fc.integer({ min: 0, max: 1e6 }),
    kinds: fc.array(fc.constantFrom('free', 'zero', 'copy', 'tiny', 'integer'), {
      minLength: 12,
      maxLength: 12,
    }),
  })
  .map(({ rows, columns, seed, kinds }) => {
    const random = randomStream(seed, 'matrix');
    const out = matrix(rows, columns);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const value = random.normal();
        const copied = i > 0 ? out.data[(i - 1) * columns + j] : value;
        const byKind = {
          free: value,
          zero: 0,
          copy: -2 * copied,
          tiny: 1e-9 * value,
          integer: Math.round(value),
        };
        out.data[i * columns + j] = byKind[kinds[i]];
      }
    }
    return out;
  });

describe('orthonormal rows', () => {
  test('L·Q is the matrix, Q is orthonormal and L zero above its diagonal, whatever the rows are', () => {
    fc.assert(
      fc.property(matrices, m => {
        const { l, q } = orthonormalRows(m);
        expect(difference(multiply(l, q), m)).toBeLessThan(tolerance);
        expect(notOrthonormal(q)).toBeLessThan(tolerance);
        for (let i = 0; i < l.rows; i++)
          for (let j = i + 1; j < l.columns; j++) expect(l.data[i * l.columns + j]).toBe(0);
      }),
    );
  });

  test('a long matrix of equal rows still has orthonormal ones', () => {
    const m = matrix(32, 20_000, new Float64Array(32 * 20_000).fill(0.5));
    const { l, q } = orthonormalRows(m);
    expect(notOrthonormal(q)).toBeLessThan(tolerance);
    expect(difference(multiply(l, q), m)).toBeLessThan(tolerance);
  });
});

describe('singular values', () => {
  test('the parts make the matrix again, both sides are orthonormal, values fall and are not negative', () => {
    fc.assert(
      fc.property(matrices, m => {
        const found = svd(m);
        expect(difference(rebuild(found), m)).toBeLessThan(tolerance);
        expect(notOrthonormal(found.left)).toBeLessThan(tolerance);
        expect(notOrthonormal(found.right)).toBeLessThan(tolerance);
        for (const [i, value] of found.values.entries()) {
          expect(value).toBeGreaterThanOrEqual(0);
          if (i > 0) expect(value).toBeLessThanOrEqual(found.values[i - 1] * (1 + tolerance));
        }
      }),
    );
  });

  test('of a product: as of the matrix that it makes', () => {
    fc.assert(
      fc.property(matrices, matrices, (a, b) => {
        const inner = Math.min(a.rows, b.rows);
        const up = transposeMatrix(matrix(inner, a.columns, a.data.slice(0, inner * a.columns)));
        const down = matrix(inner, b.columns, b.data.slice(0, inner * b.columns));
        const whole = multiply(up, down);
        const found = svdOfProduct(up, down);
        expect(difference(rebuild(found), whole)).toBeLessThan(tolerance);
        const values = svd(whole).values.slice(0, found.values.length);
        expect(
          difference(matrix(1, values.length, found.values), matrix(1, values.length, values)),
        ).toBeLessThan(tolerance);
      }),
    );
  });

  test('of a matrix scaled to the ends of float32', () => {
    for (const size of [1e-30, 1e30]) {
      const m = matrix(
        3,
        3,
        Float64Array.from([2, 0, 0, 0, 3, 0, 0, 4, 0], x => x * size),
      );
      expect(svd(m).values[0] / size).toBeCloseTo(5, 12);
      expect(svd(m).values[1] / size).toBeCloseTo(2, 12);
      expect(svd(m).values[2]).toBe(0);
    }
  });
});

describe('products', () => {
  const products = openProducts();
  afterAll(() => products.release());
  const random = randomStream(3, 'products');
  const tensorOf = (rows: number, columns: number) => ({
    shape: [rows, columns],
    data: random.normals(rows * columns),
  });

  test.each([
    [3, 4, 5],
    [40, 70, 90],
  ])('%i×%i·%i: loops and runtime, transposed and scaled', async (m, k, n) => {
    for (const transposeA of [false, true])
      for (const transposeB of [false, true])
        for (const scale of [1, -0.5]) {
          const a = transposeA ? tensorOf(k, m) : tensorOf(m, k);
          const b = transposeB ? tensorOf(n, k) : tensorOf(k, n);
          const made = await products.multiply(a, b, { transposeA, transposeB, scale });
          const wide = ({ shape, data }: Tensor) => matrix(shape[0], shape[1], Float64Array.from(data));
          const rows = transposeA ? transposeMatrix(wide(a)) : wide(a);
          const columns = transposeB ? wide(b) : transposeMatrix(wide(b));
          const expected = innerProducts(rows, columns);
          expected.data.forEach((_, i) => {
            expected.data[i] *= scale;
          });
          // float32 sums of 70 products
          expect(difference(wide(made), expected)).toBeLessThan(1e-6);
        }
  });

  test('shapes that do not fit are told', async () => {
    await expect(products.multiply(tensorOf(3, 4), tensorOf(3, 4))).rejects.toThrow('[3,4]');
  });

  test('random numbers of a seed find the same vectors, bit for bit', async () => {
    const a = tensorOf(90, 120);
    const [one, two] = [await randomizedSvd(a, 4, { products }), await randomizedSvd(a, 4, { products })];
    expect(one.left.data).toEqual(two.left.data);
    const other = await randomizedSvd(a, 4, { products, seed: 1 });
    expect(other.left.data).not.toEqual(one.left.data);
  });
});
