/** The plan in a few lines with reasons. */
import { expect, test } from 'vitest';
import { memoryVerdict, type Plan, planOf, shortWhy, summaryOf } from './plan-view.ts';

const field = (name: string, value: unknown, why = 'default', from = 'default') => ({
  ...{
    group: 'The run',
    field: name,
    value,
    shown: value === null ? '–' : String(value),
    why,
    origin: { from },
  },
});
const plan = {
  ...{
    base: 'pocket',
    family: 'pocket',
    pictures: 20,
    skipped: [],
    epochs: 12,
    layers: 84,
    trainedParameters: 5,
  },
  ...{
    predictedFileBytes: 1,
    predictedPeakBytes: 80,
    predictedStepSeconds: 0.1,
    predictedRunSeconds: 30,
    advice: [],
  },
  fields: [
    field('steps', 600, 'your choice', 'flag'),
    field('batch', 4, 'goal style: usual (measured)', 'goal'),
    field('accumulate', 1),
    field('repeats', 10, 'goal style: an epoch is then about 200 pictures', 'goal'),
    field('resolution', '64x64', 'from the base', 'checkpoint'),
    field('textTargets', null, 'goal style: the words stay as they are', 'goal'),
    field('validationShare', 0.1, 'goal style: shows when', 'goal'),
    field('patience', 5),
  ],
} as const satisfies Plan;

test('values as sentences, reasons without their head, own choices marked', () => {
  const rows = summaryOf(plan);
  const of = (label: string) => rows.find(row => row.label === label);
  expect(of('Steps')).toMatchObject({
    value: '600 (each picture 120 times)',
    why: 'your choice',
    isOwn: true,
  });
  expect(of('Batch')).toMatchObject({ value: '4 pictures a step', why: 'usual (measured)', isOwn: false });
  expect(of('Size')?.value).toBe('64×64');
  expect(of('Text encoder')).toMatchObject({ value: 'not trained', why: 'the words stay as they are' });
  expect(of('Held out')?.value).toBe('10 % of the pictures; stops after 5 looks without progress');
  expect(shortWhy('default')).toBe('as usual');
});

test('whether it fits into memory', () => {
  expect([200, 90, 70, undefined].map(free => memoryVerdict(plan, free))).toEqual([
    'fits',
    'tight',
    'short',
    undefined,
  ]);
});

test('an answer that is no plan is none', () => {
  expect(planOf(undefined)).toBeUndefined();
  expect(planOf({ fields: 1 })).toBeUndefined();
  expect(planOf(plan)).toBe(plan);
});
