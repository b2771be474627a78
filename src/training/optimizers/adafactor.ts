/** @file Adafactor (Shazeer & Stern 2018, algorithms 4 and 5), with the options of transformers. */
import type { Shape } from '../../engine/index.ts';
import {
  averageSquares,
  columnsShape,
  divideByRoot,
  divideByWholeRoot,
  isFactored,
  openScratch,
  rowsShape,
} from './factored.ts';
import type { Optimizer, OptimizerState } from './optimizer.ts';
import type { OptionsOf } from './options.ts';
import { floatsOf, type OneParameter, type Slot, separately } from './slots.ts';

type Options = OptionsOf<'adafactor'>;

function slotsFor(beta1: number | null): (shape: Shape) => readonly Slot[] {
  return shape => [
    ...(beta1 === null ? [] : [{ slot: 'first', shape }]),
    ...(isFactored(shape)
      ? [
          { slot: 'rows', shape: rowsShape(shape) },
          { slot: 'columns', shape: columnsShape(shape) },
        ]
      : [{ slot: 'second', shape }]),
  ];
}

function rootMeanSquare(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return Math.sqrt(sum / values.length);
}

/** The rate of a step (counted from 1): given, or of the step alone; times the size of the parameter. */
function rateAt({ rate, parameter }: OneParameter, step: number, options: Options): number {
  const { relativeStep, warmupInit, scaleParameter, scaleEpsilon } = options;
  const relative = Math.min(warmupInit ? 1e-6 * step : 1e-2, 1 / Math.sqrt(step));
  const scale = scaleParameter ? Math.max(scaleEpsilon, rootMeanSquare(parameter)) : 1;
  return scale * (relativeStep ? relative : rate);
}

/** gradient / √(second moment) into `out`; returns its root mean square. */
function normalise(
  { name, shape, gradient }: OneParameter,
  state: OptimizerState,
  keep: number,
  epsilon: number,
  out: Float32Array,
): number {
  if (!isFactored(shape)) {
    const second = floatsOf(state, name, 'second');
    return Math.sqrt(divideByWholeRoot(gradient, epsilon, second, keep, out) / gradient.length);
  }
  const rows = floatsOf(state, name, 'rows');
  const columns = floatsOf(state, name, 'columns');
  averageSquares(gradient, epsilon, shape, rows, columns, keep);
  return Math.sqrt(divideByRoot(gradient, shape, rows, columns, out) / gradient.length);
}

export function openAdafactor(options: Options, weightDecay: number): Optimizer {
  const { beta1, decayRate, clipThreshold, epsilon } = options;
  const scratchOf = openScratch();
  return separately('adafactor', slotsFor(beta1), (one, state, step) => {
    const { name, parameter, gradient } = one;
    const rate = rateAt(one, step, options);
    const update = scratchOf(gradient.length);
    const size = normalise(one, state, 1 - step ** decayRate, epsilon, update);
    const factor = rate / Math.max(1, size / clipThreshold);
    const decay = 1 - weightDecay * rate;
    if (beta1 === null) {
      for (let i = 0; i < parameter.length; i++) parameter[i] = parameter[i] * decay - update[i] * factor;
      return;
    }
    const first = floatsOf(state, name, 'first');
    for (let i = 0; i < parameter.length; i++) {
      const m = first[i] * beta1 + update[i] * factor * (1 - beta1);
      first[i] = m;
      parameter[i] = parameter[i] * decay - m;
    }
  });
}
