/** Run states on disk: whole again to the last bit, and the one before wherever the newest is not whole. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { randomStream, type Tensor } from '../../engine/index.ts';
import { pointOf } from '../rollback.ts';
import { previousStatePath, type RunState } from '../run-state.ts';
import { hasRunState, loadRunState, removeRunStates, saveRunState } from './generations.ts';

const random = randomStream(1, 'states');
const normals = (...shape: number[]): Tensor => ({
  shape,
  data: random.normals(shape.reduce((a, b) => a * b, 1)),
});

/** Everything that a state may hold, with the numbers that are easily lost. */
function stateAt(step: number): RunState {
  const parameters = new Map([
    ['unet.a.down', normals(2, 5)],
    ['unet.a.up', normals(3, 2)],
  ]);
  parameters.get('unet.a.up')?.data.set([-0, 1e-45, 3.4e38]);
  const codes = Uint8Array.from({ length: 7 }, (_, i) => 37 * i);
  const optimizer = {
    tensors: new Map<string, { shape: number[]; data: Float32Array | Uint8Array }>([
      ['unet.a.down:first', { ...normals(2, 5), shape: [2, 5] }],
      ['unet.a.up:codes', { shape: [7], data: codes }],
    ]),
    numbers: new Map([
      ['d', 1 / 3],
      ['none', -0],
      ['least', Number.MIN_VALUE],
      ['most', Number.POSITIVE_INFINITY],
    ]),
  };
  const ema = new Map([['unet.a.down', normals(2, 5)]]);
  const point = { ...pointOf({ step: step - 1, parameters, optimizer, ema }) };
  return {
    ...{ step, parameters, optimizer, ema, point },
    frozen: new Map([['unet.a.downStart', normals(2, 5)]]),
    losses: Array.from({ length: step }, (_, i) => Math.fround(1 / (i + 1))),
    looks: [{ step, loss: 0.1, pictures: ['a "b" é'] }],
    best: { step, loss: 0.25, low: 0.2, high: 0.3, parameters: new Map([['unet.a.down', normals(2, 5)]]) },
    rollbacks: [{ step: 1, what: 'loss', action: 'skip', backTo: 0 }],
    ...{ fingerprint: 'abc', kernels: 'cpu', startedAt: 1_700_000_000 },
  };
}

const place = (): string => join(temporaryFolder(), 'x.run-state');

test('a state is read as it was written', async () => {
  const path = place();
  const state = stateAt(3);
  await saveRunState(path, state);
  expect(loadRunState(path, 'abc')).toEqual({ state });
  expect(() => loadRunState(path, 'abd')).toThrow(expect.objectContaining({ code: 'RUN_STATE_OTHER' }));
});

test('a point that is the state itself, or of no step at all, is not in the file', async () => {
  const path = place();
  const state = stateAt(3);
  await saveRunState(path, { ...state, point: pointOf(state) });
  expect(loadRunState(path, 'abc')?.state.point).toBeUndefined();
  const { losses, best, ema, ...rest } = state;
  await saveRunState(path, { ...rest, losses: [], best: undefined, point: undefined });
  expect(loadRunState(path, 'abc')?.state).toEqual({ ...rest, losses: [], point: undefined });
});

test('the state before is kept, and nothing else; both are removed at the end', async () => {
  const path = place();
  const [one, two, three] = [stateAt(1), stateAt(2), stateAt(3)];
  for (const state of [one, two, three]) await saveRunState(path, state);
  expect(readdirSync(dirname(path)).sort()).toEqual(['x.run-state', 'x.run-state.previous']);
  expect(loadRunState(path, 'abc')?.state.step).toBe(3);
  expect(loadRunState(previousStatePath(path), 'abc')).toEqual({ state: two });
  rmSync(path);
  expect(loadRunState(path, 'abc')).toEqual({ state: two });
  expect(hasRunState(path)).toBe(true);
  await removeRunStates(path);
  expect(readdirSync(dirname(path))).toEqual([]);
});

test('every cut and every flipped bit of the newest state is noticed, and the one before is used', async () => {
  const path = place();
  const [one, two] = [stateAt(1), stateAt(2)];
  await saveRunState(path, one);
  await saveRunState(path, two);
  const whole = readFileSync(path);
  let same = 0;
  const check = (bytes: Uint8Array): void => {
    writeFileSync(path, bytes);
    const found = loadRunState(path, 'abc');
    // A flipped bit in the padding of the header changes nothing.
    if (found?.state.step === 2) {
      expect(found).toEqual({ state: two });
      same++;
      return;
    }
    expect(found?.state).toEqual(one);
    expect(found?.damage).toMatch(
      /(damaged|not a run state): .*; the run goes on from x\.run-state\.previous, after step 1/s,
    );
  };
  for (let length = 0; length < whole.length; length += 29) check(whole.subarray(0, length));
  const bits = randomStream(2, 'bits');
  for (let i = 0; i < 400; i++) {
    const bytes = Buffer.from(whole);
    bytes[bits.integer(bytes.length)] ^= 1 << bits.integer(8);
    check(bytes);
  }
  expect(same).toBeLessThan(8);
});

test('a damaged state does not push the good one away', async () => {
  const path = place();
  await saveRunState(path, stateAt(1));
  await saveRunState(path, stateAt(2));
  writeFileSync(path, readFileSync(path).subarray(0, 200));
  const damaged = loadRunState(path, 'abc')?.damage !== undefined;
  expect(damaged).toBe(true);
  await saveRunState(path, stateAt(3), { damaged });
  expect(loadRunState(path, 'abc')?.state.step).toBe(3);
  expect(loadRunState(previousStatePath(path), 'abc')?.state.step).toBe(1);
});

test('what is no run state, or damaged without another, is refused and left', () => {
  const path = place();
  writeFileSync(path, 'shopping list');
  expect(() => loadRunState(path, 'abc')).toThrow(expect.objectContaining({ code: 'RUN_STATE_DAMAGED' }));
  expect(existsSync(path)).toBe(true);
});
