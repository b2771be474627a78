/** The interpreter itself: what it reads, what it refuses, and functions against known values. */
import { describe, expect, test } from 'vitest';
import * as f from '../graph/functions.ts';
import { constant, createGraph, input, output, weight } from '../graph/graph.ts';
import { evaluate, evaluateValues } from './evaluate.ts';
import { finiteDifferences, relativeDistance } from './finite-differences.ts';
import { erf } from './special.ts';

describe('evaluate', () => {
  test('reads inputs, weights in arrays and constants of both kinds; computes only what is asked for', () => {
    const graph = createGraph();
    const x = input(graph, 'x', [2, 2]);
    const table = weight(graph, 'table', [3, 2], Float32Array.of(1, 2, 3, 4, 5, 6));
    const ids = constant(graph, [2], BigInt64Array.of(2n, 0n));
    output('sum', f.add(x, f.gather(table, ids)));
    output('x', x);
    f.exp(input(graph, 'unused', [1]));
    const results = evaluate(graph, new Map([['x', [10, 20, 30, 40]]]));
    expect([...results]).toEqual([
      ['sum', Float64Array.of(15, 26, 31, 42)],
      ['x', Float64Array.of(10, 20, 30, 40)],
    ]);
  });

  test('keeps float64 where float32 would round', () => {
    const x = input(createGraph(), 'x', []);
    expect(evaluateValues([f.shift(x, 2 ** -40)], new Map([['x', [1]]]))[0][0]).toBe(1 + 2 ** -40);
  });

  test('refuses missing and misshaped feeds, weights in files, and ids out of range', () => {
    const graph = createGraph();
    const x = input(graph, 'x', [2]);
    expect(() => evaluateValues([f.neg(x)], new Map())).toThrow('graph input x was not given');
    const short = new Map([['x', [1]]]);
    expect(() => evaluateValues([f.neg(x)], short)).toThrow('graph input x has 1 elements, [2] needs 2');
    const bytes = { path: 'base.safetensors', dtype: 'float32', offset: 0, length: 8 } as const;
    const inFile = f.neg(weight(graph, 'w', [2], bytes));
    expect(() => evaluateValues([inFile], new Map())).toThrow('weight w lies in a file');
    const row = f.gather(input(graph, 'table', [3, 1]), constant(graph, [1], BigInt64Array.of(3n)));
    expect(() => evaluateValues([row], new Map([['table', [0, 0, 0]]]))).toThrow('id 3 of 3 rows');
  });
});

/** Abramowitz & Stegun table 7.1, and the ends; to the digits of the table. */
test.each([
  [0, 0, 12],
  [0.5, 0.5204998778, 10],
  [1, 0.8427007929, 10],
  [-1.5, -0.9661051465, 10],
  [2, 0.995322265, 9],
  [7, 1, 15],
  [Number.NEGATIVE_INFINITY, -1, 15],
])('erf(%f) is %f', (x, value, digits) => {
  expect(erf(x)).toBeCloseTo(value, digits);
});

test('finite differences of a cubic, and the distance of two vectors', () => {
  const cubic = ([a, b]: Float64Array): number => a ** 3 + 2 * b;
  const gradient = finiteDifferences(cubic, Float64Array.of(2, 5));
  expect(relativeDistance(gradient, Float64Array.of(12, 2))).toBeLessThan(1e-9);
  expect(relativeDistance(Float64Array.of(3, 5), Float64Array.of(3, 4))).toBe(0.2);
  expect(relativeDistance(Float64Array.of(1), Float64Array.of(1, 2))).toBe(Number.POSITIVE_INFINITY);
});
