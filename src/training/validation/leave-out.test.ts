/** Folds, and the choice on curves whose answer is known. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomStream } from '../../engine/index.ts';
import {
  type Fold,
  findSteps,
  type LeaveOutSource,
  leaveOutCost,
  lookSteps,
  planFolds,
} from './leave-out.ts';
import type { Look } from './look.ts';
import { meanOf } from './statistics.ts';

const alone = (count: number): number[][] => Array.from({ length: count }, (_, i) => [i]);

test('every group is left out once and whole; folds are of about the same size', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 12 });
  fc.assert(
    fc.property(
      sizes,
      fc.integer({ min: 0, max: 99 }),
      fc.integer({ min: 2, max: 12 }),
      (sizesOf, seed, wanted) => {
        let next = 0;
        const groups = sizesOf.map(size => Array.from({ length: size }, () => next++));
        const folds = planFolds(groups, { seed, folds: Math.min(wanted, groups.length) });
        const firsts = folds.flatMap(({ heldOut }) => heldOut).sort((a, b) => a - b);
        expect(firsts).toEqual(groups.map(([first]) => first));
        for (const { training, heldOut } of folds) {
          const out = groups.filter(group => heldOut.includes(group[0])).flat();
          expect(training.filter(index => out.includes(index))).toEqual([]);
          expect(training.length + out.length).toBe(next);
          expect(out.length).toBeGreaterThan(0);
        }
        const outs = folds.map(({ training }) => next - training.length);
        expect(Math.max(...outs) - Math.min(...outs)).toBeLessThanOrEqual(Math.max(...sizesOf));
      },
    ),
  );
});

test('regularisation pictures, and what is like them, are in every run', () => {
  const folds = planFolds([[0], [1, 4], [2], [3]], { seed: 1, folds: 2, always: new Set([4]) });
  for (const { training, heldOut } of folds) {
    expect(training).toEqual(expect.arrayContaining([1, 4]));
    expect(heldOut).not.toContain(1);
  }
});

test.each([
  { folds: 1, count: 4, message: 'leaveOut 1: with 4 different pictures, 2 to 4 runs are possible' },
  { folds: 5, count: 4, message: 'leaveOut 5: with 4 different pictures, 2 to 4 runs are possible' },
  { folds: 2, count: 1, message: 'leaveOut 2: there are not two different pictures' },
])('$folds folds of $count pictures are refused', ({ folds, count, message }) => {
  expect(() => planFolds(alone(count), { seed: 1, folds })).toThrow(message);
});

function sourceOf(count: number, folds: number, batch = 1): LeaveOutSource {
  return {
    ...{ folds: planFolds(alone(count), { seed: 2, folds }), steps: 100, looks: 10 },
    batchesPerEpoch: pictures => Math.ceil(pictures.length / batch),
  };
}

/** Pictures of very different difficulty on a parabola with its bottom at `bottom`, each a little off it. */
const parabola =
  (bottom: number, noise: number) =>
  async (fold: Fold, at: readonly number[]): Promise<Look[]> =>
    at.map(step => {
      const pictures = fold.heldOut.map(index => {
        const level = 1 + 3 * randomStream(1, 'level', index).uniform();
        return level + ((step - bottom) / 100) ** 2 + noise * randomStream(1, 'off', index, step).normal();
      });
      const loss = meanOf(pictures);
      return { step, loss, low: loss, high: loss, plainLoss: loss, pictures };
    });

test('the lowest of a clear curve is found, and stretched to all pictures', async () => {
  // 6 pictures in 3 folds: runs of 4 pictures and 66 steps; 6 pictures are 1.5 times as many.
  const source = sourceOf(6, 3);
  expect(lookSteps(source)).toEqual([0, 7, 13, 20, 26, 33, 40, 46, 53, 59, 66]);
  const found = await findSteps(source, parabola(33, 1e-6));
  expect(found).toMatchObject({ lowestAt: 33, chosenAt: 33, steps: 50 });
  expect(found.reason).toBe(
    'on 6 left-out pictures the loss was lowest after 33 steps, which is 50 with all pictures, each seen as often',
  );
});

test('where chance hides the difference, the earliest that is as good is taken', async () => {
  const found = await findSteps(sourceOf(6, 3), parabola(40, 0.02));
  expect(found.chosenAt).toBeLessThan(found.lowestAt);
  expect(found.chosenAt).toBeGreaterThan(0);
  expect(found.reason).toMatch(/within one standard error of it after \d+/);
});

test('a curve that only rises says: do not train', async () => {
  const found = await findSteps(sourceOf(4, 2), parabola(-50, 1e-6));
  expect(found.steps).toBe(0);
  expect(found.reason).toMatch(/helped on none of 4 left-out pictures/);
});

test('a curve that only falls says that more may be better, and no more steps than planned are taken', async () => {
  const found = await findSteps(sourceOf(5, 5), parabola(200, 1e-6));
  expect(found.steps).toBe(100);
  expect(found.reason).toMatch(/still falling/);
});

test('the cost is told before anything runs', () => {
  const { sentence } = leaveOutCost(sourceOf(6, 3), { draws: 16, batch: 2 });
  expect(sentence).toBe(
    'to find the number of steps, 3 runs of 66 steps go first, with 11 looks each (1056 forward passes in all): about 3.7 times the work of a run of 100 steps',
  );
});

test('a run that ended early is no answer', async () => {
  const short = async (fold: Fold, at: readonly number[]) => (await parabola(33, 0)(fold, at)).slice(0, 3);
  await expect(findSteps(sourceOf(6, 3), short)).rejects.toMatchObject({ code: 'LEAVE_OUT_INCOMPLETE' });
});
