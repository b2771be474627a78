/** Shapes of distributions that cannot be are refused, those that can be give a timestep of the range. */
import { expect, test } from 'vitest';
import type { Recipe } from '../recipe/recipe.ts';
import { shapeProblem } from './timestep-shape.ts';
import { openTimesteps, type TimestepOptions } from './timesteps.ts';

const options = (timesteps: Recipe['timesteps'], timestepBias: number, timestepWeight: number) =>
  ({
    ...{ timesteps, timestepBias, timestepWeight },
    ...{ seed: 1, minTimestep: 10, maxTimestep: 13 },
  }) satisfies TimestepOptions;

const problems = (shape: TimestepOptions): (string | undefined)[] =>
  (['timestepBias', 'timestepWeight'] as const).map(field => shapeProblem(field, shape, 1000));

test.each([
  ['beta', 0, 1, 0],
  ['beta', 1, -1, 1],
  ['beta', 1, 101, 1],
  ['heavy-tail', 0, 1.76, 1],
  ['heavy-tail', 0, -1.01, 1],
  ['logit-normal', 0, -1, 1],
  ['inverted-parabola', 9, 20, 1],
  ['sigmoid', 9, 1e4, 1],
] as const)('%s with bias %d and weight %d is refused', (timesteps, bias, weight, wrong) => {
  const found = problems(options(timesteps, bias, weight));
  expect(found[wrong]).toContain(timesteps);
  expect(found[1 - wrong]).toBeUndefined();
});

test.each([
  ['uniform', 0, 0],
  ['beta', 1, 0.01],
  ['beta', 100, 100],
  ['beta', 0.001, 100],
  ['heavy-tail', 0, 1.75],
  ['heavy-tail', 0, -1],
  ['logit-normal', 0, -0.99],
  ['logit-normal', 40, 0],
  ['logit-normal', -800, 0],
  ['inverted-parabola', 0, 20],
  ['sigmoid', 0, -1e4],
  ['cos-map', 0, 0],
] as const)('%s with bias %d and weight %d draws from the range', (timesteps, bias, weight) => {
  const shape = options(timesteps, bias, weight);
  expect(problems(shape)).toEqual([undefined, undefined]);
  const timestepOf = openTimesteps(shape, 1000);
  const drawn = Array.from({ length: 200 }, (_, step) => timestepOf(step, 0));
  expect(drawn.every(t => t === 10 || t === 11 || t === 12)).toBe(true);
});

test('a range of one timestep', () => {
  for (const timesteps of ['uniform', 'sigmoid', 'cos-map', 'inverted-parabola', 'logit-normal'] as const) {
    const shape = { ...options(timesteps, 0, 1), maxTimestep: 11 };
    expect(openTimesteps(shape, 1000)(0, 0)).toBe(10);
  }
});
