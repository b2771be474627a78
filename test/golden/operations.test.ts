/** The meaning of each operation, and its gradient, against torch in float64 (tools/goldens/operations.py). */
import { expect, test } from 'vitest';
import { evaluate } from '../../src/engine/reference/evaluate.ts';
import { buildOperationGraph, readOperationGoldens } from './operations-data.ts';

/**
 * Both sides are float64 and differ in the order of sums only: each element within 1e-13 of itself, or within 1e-14
 * of the largest one where terms cancel. Measured at most a fifth of that.
 */
function expectClose(actual: Float64Array, expected: Float64Array, what: string): void {
  expect(actual, what).toHaveLength(expected.length);
  const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  for (const [i, x] of expected.entries()) {
    const allowed = 1e-13 * Math.abs(x) + 1e-14 * largest;
    expect(Math.abs(actual[i] - x), `${what}, element ${i}`).toBeLessThanOrEqual(allowed);
  }
}

const goldens = readOperationGoldens();

test('the file covers what it should', () => {
  expect(goldens).toHaveLength(24);
  expect(new Set(goldens.map(({ kind }) => kind)).size).toBe(14);
});

test.each(goldens.map(golden => [golden.name, golden] as const))('%s', (_, golden) => {
  const feeds = new Map(
    Object.entries(golden.feeds).map(([role, { data }]) => [role, Float64Array.from(data, Number)]),
  );
  const results = evaluate(buildOperationGraph(golden), feeds);
  const expected = new Map([['output', golden.output]]);
  for (const [role, gradient] of golden.gradients) expected.set(`gradient ${role}`, gradient);
  expect([...results.keys()]).toEqual([...expected.keys()]);
  for (const [name, numbers] of expected) {
    expectClose(results.get(name) as Float64Array, numbers, name);
  }
});
