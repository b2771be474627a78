/** Decisions on steps that are not finite: which remedy comes when, and what is taken back. */
import { expect, test } from 'vitest';
import type { Tensor } from '../engine/index.ts';
import { isSkipped, keepPoint, pointEvery, rateFactor, rollBack } from './rollback.ts';
import type { RunState } from './run-state.ts';

const nan = { what: 'loss', found: 'NaN' } as const;

function newState(): RunState {
  const one = (value: number): Tensor => ({ shape: [1], data: Float32Array.of(value) });
  return {
    ...{ step: 0, parameters: new Map([['a', one(0)]]), frozen: new Map(), ema: new Map([['a', one(0)]]) },
    optimizer: { tensors: new Map([['a:first', one(0)]]), numbers: new Map([['d', 0]]) },
    ...{ losses: [], looks: [], rollbacks: [], fingerprint: '', startedAt: 0 },
  };
}

/** A step that changes everything that a step changes, to the number of steps. */
function go(state: RunState, steps: number): void {
  for (let i = 0; i < steps; i++) {
    keepPoint(state);
    state.step++;
    state.losses.push(state.step);
    state.looks.push({ step: state.step });
    const tensors = [state.parameters.get('a'), state.ema?.get('a'), state.optimizer.tensors.get('a:first')];
    for (const tensor of tensors) tensor?.data.fill(state.step);
    state.optimizer.numbers.set('d', state.step);
  }
  keepPoint(state);
}

function numbersOf({ step, parameters, ema, optimizer, losses, looks }: RunState): unknown[] {
  const tensors = [parameters.get('a'), ema?.get('a'), optimizer.tensors.get('a:first')];
  return [
    step,
    ...tensors.map(tensor => tensor?.data[0]),
    optimizer.numbers.get('d'),
    losses.length,
    looks.length,
  ];
}

test('first the step is left out, then the rate falls and the run goes back, then it ends', () => {
  const state = newState();
  go(state, pointEvery + 3);
  expect(rollBack(state, nan).message).toBe(
    `step ${pointEvery + 4} cannot be used: its loss is NaN. It is left out.`,
  );
  expect([isSkipped(state), rateFactor(state), state.step]).toEqual([true, 1, pointEvery + 3]);
  state.step++; // left out
  state.losses.push(0);
  const { message } = rollBack(state, nan);
  expect(message).toContain('The learning rate is 0.5 times that of the recipe from here on.');
  expect(message).toContain(`The run is back at step ${pointEvery}.`);
  expect(numbersOf(state)).toEqual(Array(7).fill(pointEvery));
  expect(rateFactor(state)).toBe(0.5);
  go(state, 3);
  expect(isSkipped(state)).toBe(true); // still left out when it is met again
  for (const factor of [0.25, 0.125]) {
    rollBack(state, nan);
    expect([rateFactor(state), state.step]).toEqual([factor, pointEvery]);
  }
  expect(() => rollBack(state, nan)).toThrow(
    expect.objectContaining({ code: 'TRAINING_NOT_FINITE', message: expect.stringContaining('4 remedies') }),
  );
});

test('failures with many good steps between them are not in a row', () => {
  const state = newState();
  for (let i = 0; i < 10; i++) {
    go(state, 25);
    rollBack(state, nan);
    state.step++;
  }
  expect(state.rollbacks.map(({ action }) => action)).toEqual(Array(10).fill('skip'));
});

test('broken parameters are taken back even where the step is only left out', () => {
  const state = newState();
  go(state, 5);
  state.parameters.get('a')?.data.fill(Number.NaN);
  const { entry } = rollBack(state, { what: 'parameters', found: 'a' });
  expect(entry).toEqual({ step: 6, what: 'parameters', action: 'skip', backTo: 0 });
  expect(numbersOf(state)).toEqual(Array(7).fill(0));
  go(state, 5);
  expect(isSkipped(state)).toBe(true);
});
