/** What differs between runs, and nothing else. */
import { expect, test } from 'vitest';
import { differencesOf } from './differences.ts';

test('equal fields are left out, missing ones are told apart', () => {
  const runs = [
    { rank: 8, flip: true, resolution: { width: 64, height: 64 }, goal: 'style' },
    { rank: 16, flip: true, resolution: { width: 64, height: 64 } },
  ];
  expect(differencesOf(runs)).toEqual([
    { field: 'rank', values: ['8', '16'] },
    { field: 'goal', values: ['style', undefined] },
  ]);
  expect(differencesOf([])).toEqual([]);
});
