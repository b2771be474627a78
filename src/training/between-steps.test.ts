/** Others have the machine between two steps: the run is the same, and the wait is no part of any step. */
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { openPocketRun } from '../../test/support/pocket-run.ts';
import type { RunState } from './run-state.ts';
import { type LoopControl, newRunState, runLoop, type StepReport } from './trainer.ts';

const recipe = { steps: 4, rank: 2, batch: 1, targets: 'attention', resolution: { width: 64, height: 64 } };
const run = await openPocketRun('examples/zorbi-character', 3, recipe);
afterAll(() => run.texts.release());
afterEach(() => vi.restoreAllMocks());

async function loop(control: Partial<LoopControl> = {}): Promise<{ state: RunState; reports: StepReport[] }> {
  const state = await newRunState(run, 'fingerprint', 0);
  const reports: StepReport[] = [];
  await runLoop(run, state, {
    ...control,
    async onStep(report) {
      reports.push(report);
      await control.onStep?.(report);
    },
  });
  return { state, reports };
}

const numbersOf = ({ parameters }: RunState): Float32Array[] =>
  [...parameters.values()].map(({ data }) => data);

test('waits before every step, changes nothing, and its time counts as no step’s', async () => {
  const plain = await loop();
  let waited = 0;
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + 1e9 * waited);
  const { state, reports } = await loop({
    betweenSteps: async () => {
      await Promise.resolve();
      waited++; // eleven days
    },
  });
  expect(waited).toBe(4);
  expect(numbersOf(state)).toEqual(numbersOf(plain.state));
  expect(state.losses).toEqual(plain.state.losses);
  for (const { seconds } of reports) expect(seconds).toBeLessThan(1e5);
});

test.each([
  ['goes on waiting', () => new Promise<void>(() => undefined)],
  [
    'fails of it',
    (signal: AbortSignal) => new Promise<void>((_, reject) => signal.addEventListener('abort', reject)),
  ],
  ['has ended', () => Promise.resolve()],
])('aborted while somebody %s: no further step', async (_, wait) => {
  const ending = new AbortController();
  let waits = 0;
  const { state } = await loop({
    signal: ending.signal,
    async betweenSteps() {
      if (++waits < 3) return;
      setTimeout(() => ending.abort(), 5);
      if (waits === 3) await wait(ending.signal);
      await new Promise(resolve => setTimeout(resolve, 20));
    },
  });
  expect(state.step).toBe(2);
});

test('what fails there ends the run with it', async () => {
  const betweenSteps = (): Promise<void> => Promise.reject(new Error('the others are gone'));
  await expect(loop({ betweenSteps })).rejects.toThrow('the others are gone');
});
