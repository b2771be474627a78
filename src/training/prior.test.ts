/** The base as the teacher of the class: what it is asked, and what that does to a run on the embedded model. */
import { expect, test } from 'vitest';
import { openCheckpoint } from '../models/index.ts';
import { openCaptionTexts } from './captions.ts';
import { planRun } from './plan-run.ts';
import { encodePictures, scanPictures } from './prepare.ts';
import { classCaption, classCaptions, openPrior } from './prior.ts';
import type { GivenRecipe } from './recipe/recipe.ts';
import { newRunState, runLoop, type StepReport } from './trainer.ts';

test.each([
  ['a zorbi waving in a meadow', 'a frog waving in a meadow'],
  ['A ZORBI, zorbi', 'A frog, frog'],
  ['zorbis on the beach', 'frog'],
  ['', 'frog'],
])('%s → %s', (caption, expected) => {
  expect(classCaption(caption, { trigger: 'zorbi', newWord: null, priorClass: 'frog' })).toBe(expected);
});

test('a new word stands for the subject too; without a class, captions are as they are', () => {
  expect(classCaption('a <z> at night', { trigger: null, newWord: '<z>', priorClass: '$& cat' })).toBe(
    'a $& cat at night',
  );
  expect(classCaption('a zorbi', { trigger: 'zorbi', newWord: null, priorClass: null })).toBe('a zorbi');
});

const checkpoint = openCheckpoint('pretrained/pocket');

/** Reports of a run on the example character. */
async function run(given: GivenRecipe): Promise<StepReport[]> {
  const planned = planRun(checkpoint, {
    ...{ rank: 4, batch: 2, steps: 24, learningRate: 2e-3, schedule: 'constant', minSnrGamma: 0 },
    ...{ trigger: 'zorbi', priorClass: 'frog', ...given },
  });
  const { recipe, layers } = planned;
  const prepare = { checkpoint, recipe };
  const items = await encodePictures(await scanPictures('examples/zorbi-character', prepare), prepare);
  const captions = [...items.map(({ caption }) => caption), ...classCaptions(items, recipe)];
  const texts = await openCaptionTexts(captions, prepare, layers);
  const input = { checkpoint, recipe, layers, items, texts, session: {} };
  const prior = await openPrior({ ...input, teacher: checkpoint, frugal: false }, prepare);
  const reports: StepReport[] = [];
  const onStep = async (report: StepReport): Promise<void> => void reports.push(report);
  await runLoop({ ...input, prior }, await newRunState(input, '', 0), { onStep });
  await prior.release();
  return reports;
}

const meanPrior = (reports: readonly StepReport[]): number =>
  reports.slice(-8).reduce((sum, { priorLoss = Number.NaN }) => sum + priorLoss / 8, 0);

test('at the first step nothing is to be learnt of it; later it holds the class where it was', async () => {
  // So small a weight measures without teaching.
  const [free, held] = [await run({ priorPreservation: 1e-9 }), await run({ priorPreservation: 1 })];
  // B is zero, so both sides compute the same UNet, in sessions with and without branches.
  for (const [first] of [free, held]) expect(first.priorLoss).toBeLessThan(1e-9);
  expect(free[0].loss).toBe(held[0].loss);
  expect(meanPrior(free)).toBeGreaterThan(1e-3);
  expect(meanPrior(held)).toBeLessThan(0.5 * meanPrior(free));
});

test('the teacher looks ahead where it may not stay open: the same numbers', async () => {
  const { recipe, layers } = planRun(checkpoint, {
    ...{ batch: 2, steps: 3, priorPreservation: 1, trigger: 'zorbi', priorClass: 'frog' },
  });
  const prepare = { checkpoint, recipe };
  const items = await encodePictures(await scanPictures('examples/zorbi-character', prepare), prepare);
  const texts = await openCaptionTexts(classCaptions(items, recipe), prepare, layers);
  const input = { checkpoint, recipe, items, texts, session: {}, teacher: checkpoint };
  const [open, ahead] = [
    await openPrior({ ...input, frugal: false }, prepare),
    await openPrior({ ...input, frugal: true }, prepare),
  ];
  for (const index of [0, 1, 2, 1]) expect(await ahead.feeds(index)).toEqual(await open.feeds(index));
  await open.release();
  await ahead.release();
});
