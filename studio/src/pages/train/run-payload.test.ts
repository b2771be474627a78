/** An earlier run as the beginning of another. */
import { expect, test } from 'vitest';
import { earlierRun } from './run-payload.ts';

test('everything that was said is taken over', () => {
  const payload = {
    ...{ name: 'zorbi', base: 'pocket', dataset: 'zorbi', goal: 'character', trigger: 'zorbi' },
    ...{ recipe: { rank: 4, steps: 60 }, previewPrompts: ['zorbi --d 21'], previewEvery: 20 },
    ...{ memory: 2 ** 31, continueFrom: 'abcd1234', card: { author: 'me', tags: ['toy'] } },
  };
  expect(earlierRun(payload)).toEqual(payload);
});

test('what was not said is left to the form, and what is no run is none', () => {
  expect(earlierRun({ dataset: 'a', previewEvery: 0, previewPrompts: [], goal: '', memory: 'much' })).toEqual(
    {
      ...{ dataset: 'a', previewPrompts: [] },
    },
  );
  expect([earlierRun(undefined), earlierRun([]), earlierRun({ base: 'pocket' })]).toEqual([
    ...[undefined, undefined, undefined],
  ]);
});
