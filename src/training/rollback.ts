/**
 * @file What is done about a step whose loss, gradients or result are not finite. All of it follows from the steps and from
 * the log in the run state, so a resumed run decides as one that was never stopped.
 */
import { isAllFinite } from '../engine/index.ts';
import { LoraError } from '../errors.ts';
import type { OptimizerState } from './optimizers/optimizer.ts';
import {
  copyTensors,
  type Parameters,
  type Rollback,
  type RunState,
  type TrainedPoint,
} from './run-state.ts';

/** What is done the first time, the second … of failures in a row; after the last one, the run ends. */
const remedies: readonly Rollback['action'][] = ['skip', 'lower', 'lower', 'lower'];

/** Failures are in a row when this many good steps are not between them. */
const row = 20;

/** Steps between the points that a rollback goes to. */
export const pointEvery = 20;

/** What the rate is multiplied by for each time that it is lowered. */
const loweredBy = 0.5;

export interface Failure {
  readonly what: Rollback['what'];
  /** NaN, infinite, or the name of what is. */
  readonly found: string;
}

/** A copy of all that steps change. */
export function pointOf({ step, parameters, optimizer, ema }: TrainedPoint): TrainedPoint {
  return {
    step,
    parameters: copyTensors(parameters),
    optimizer: { tensors: copyTensors(optimizer.tensors), numbers: new Map(optimizer.numbers) },
    ...(ema ? { ema: copyTensors(ema) } : {}),
  };
}

/** Keeps the point up to date; to be called before every step. */
export function keepPoint(state: RunState): void {
  const isDue = state.step % pointEvery === 0 && state.point?.step !== state.step;
  if (!state.point || isDue) state.point = pointOf(state);
}

function restore(
  target: ReadonlyMap<string, { readonly data: Float32Array | Uint8Array }>,
  from: typeof target,
) {
  for (const [name, { data }] of from) target.get(name)?.data.set(data);
}

function restoreOptimizer(target: OptimizerState, from: OptimizerState): void {
  restore(target.tensors, from.tensors);
  target.numbers.clear();
  for (const [name, value] of from.numbers) target.numbers.set(name, value);
}

/** Takes the state back to its point. */
function goBack(state: RunState): void {
  const { point } = state;
  if (!point) throw new Error('there is no point to go back to');
  state.step = point.step;
  restore(state.parameters, point.parameters);
  restoreOptimizer(state.optimizer, point.optimizer);
  if (state.ema && point.ema) restore(state.ema, point.ema);
  state.losses.length = point.step;
  while ((state.looks.at(-1)?.step ?? 0) > point.step) state.looks.pop();
}

/** How many failures the log ends with that are in a row with one at `step`. */
function failuresBefore(rollbacks: readonly Rollback[], step: number): number {
  let count = 0;
  let later = step;
  for (const one of rollbacks.toReversed()) {
    if (later - one.step > row) break;
    later = one.step;
    count++;
  }
  return count;
}

const isSkip =
  (step: number) =>
  (one: Rollback): boolean =>
    one.action === 'skip' && one.step === step;

/** Whether the next step was decided to change nothing. */
export const isSkipped = ({ rollbacks, step }: Pick<RunState, 'rollbacks' | 'step'>): boolean =>
  rollbacks.some(isSkip(step + 1));

/** What the rate is multiplied by. */
export function rateFactor({ rollbacks }: Pick<RunState, 'rollbacks'>): number {
  return loweredBy ** rollbacks.filter(({ action }) => action === 'lower').length;
}

const placeOf: Readonly<Record<Rollback['what'], (found: string) => string>> = {
  loss: found => `its loss is ${found}`,
  gradient: found => `the norm of its gradients is ${found}`,
  parameters: found => `${found} is not finite after it`,
};

/**
 * Decides what is done about a failure of the next step, writes it into the log and takes the state back where needed.
 * Returns it in words. Throws TRAINING_NOT_FINITE when enough was tried.
 */
export function rollBack(
  state: RunState,
  { what, found }: Failure,
): { readonly entry: Rollback; readonly message: string } {
  const step = state.step + 1;
  const why = `step ${step} cannot be used: ${placeOf[what](found)}`;
  const tries = failuresBefore(state.rollbacks, step);
  // A step that is left out already cannot be left out again.
  const action = state.rollbacks.some(isSkip(step)) && remedies[tries] === 'skip' ? 'lower' : remedies[tries];
  // What was before a loss or a gradient is as it was.
  const isBack = action === 'lower' || what === 'parameters';
  if (isBack) goBack(state);
  if (action === undefined) {
    const hint = 'Lower the learning rate; check the base model and the pictures. Nothing broken was saved.';
    throw new LoraError('TRAINING_NOT_FINITE', `${why}; ${tries} remedies did not help`, { hint });
  }
  const entry: Rollback = { step, what, action, backTo: state.step };
  state.rollbacks.push(entry);
  const after = isBack ? ` The run is back at step ${state.step}.` : '';
  const done = {
    skip: 'It is left out',
    lower: `The learning rate is ${rateFactor(state)} times that of the recipe from here on`,
  }[action];
  return { entry, message: `${why}. ${done}.${after}` };
}

/** The first of the parameters that is not finite. */
export function brokenParameter(parameters: Parameters): string | undefined {
  for (const [name, { data }] of parameters) if (!isAllFinite(data)) return name;
  return undefined;
}
