/**
 * @file CAME (Luo et al. 2023, algorithm 2): Adafactor with a momentum, whose step is smaller where the momentum and
 * the newest update disagree. Parameters of one axis have no such measure, as in the authors' package.
 */
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

type Options = OptionsOf<'came'>;

function slotsOf(shape: Shape): readonly Slot[] {
  if (!isFactored(shape)) return ['first', 'second'].map(slot => ({ slot, shape }));
  const [rows, columns] = [rowsShape(shape), columnsShape(shape)];
  return [
    { slot: 'first', shape },
    { slot: 'rows', shape: rows },
    { slot: 'columns', shape: columns },
    { slot: 'instableRows', shape: rows },
    { slot: 'instableColumns', shape: columns },
  ];
}

/** The momentum takes the clipped update; how far it is from it stands in `update` afterwards. */
function updateMomentum(first: Float32Array, update: Float32Array, clip: number, beta1: number): void {
  for (let i = 0; i < first.length; i++) {
    const u = update[i] * clip;
    const m = first[i] * beta1 + u * (1 - beta1);
    first[i] = m;
    update[i] = u - m;
  }
}

function move(parameter: Float32Array, step: Float32Array, rate: number, weightDecay: number): void {
  const decay = 1 - weightDecay * rate;
  for (let i = 0; i < parameter.length; i++) parameter[i] = parameter[i] * decay - step[i] * rate;
}

function updateOne(
  one: OneParameter,
  state: OptimizerState,
  { beta1, beta2, beta3, epsilon, instabilityEpsilon, clipThreshold }: Options,
  weightDecay: number,
  update: Float32Array,
): void {
  const { name, parameter, shape, gradient, rate } = one;
  const slot = (of: string): Float32Array => floatsOf(state, name, of);
  const first = slot('first');
  const clipOf = (squares: number): number =>
    1 / Math.max(1, Math.sqrt(squares / gradient.length) / clipThreshold);
  if (!isFactored(shape)) {
    const squares = divideByWholeRoot(gradient, epsilon, slot('second'), beta2, update);
    updateMomentum(first, update, clipOf(squares), beta1);
    move(parameter, first, rate, weightDecay);
    return;
  }
  averageSquares(gradient, epsilon, shape, slot('rows'), slot('columns'), beta2);
  const squares = divideByRoot(gradient, shape, slot('rows'), slot('columns'), update);
  updateMomentum(first, update, clipOf(squares), beta1);
  averageSquares(update, instabilityEpsilon, shape, slot('instableRows'), slot('instableColumns'), beta3);
  divideByRoot(first, shape, slot('instableRows'), slot('instableColumns'), update);
  move(parameter, update, rate, weightDecay);
}

export function openCame(options: Options, weightDecay: number): Optimizer {
  const scratchOf = openScratch();
  return separately('came', slotsOf, (one, state) =>
    updateOne(one, state, options, weightDecay, scratchOf(one.gradient.length)),
  );
}
