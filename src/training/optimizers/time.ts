/** @file How long an optimizer takes for its update, measured. */
import { type OptimizerChoice, openOptimizer } from './optimizer.ts';

const side = 512;
/** The first ones run before the compiler has seen the loop. */
const updates = 12;

/** Seconds of an update of so many numbers, from a few updates of a matrix. */
export function secondsOfUpdate(choice: OptimizerChoice, numbers: number): number {
  const optimizer = openOptimizer(choice);
  const shape = [side, side];
  const matrix = (): Float32Array => new Float32Array(side * side).fill(1e-3);
  const parameters = new Map([['a', { shape, data: matrix() }]]);
  const state = optimizer.start(parameters);
  let best = Number.POSITIVE_INFINITY;
  for (let step = 1; step <= updates; step++) {
    const gradients = new Map([['a', matrix()]]);
    const started = performance.now();
    optimizer.update({ parameters, gradients, state, rateOf: () => 1e-4, step });
    best = Math.min(best, performance.now() - started);
  }
  return (numbers / side ** 2) * (best / 1000);
}
