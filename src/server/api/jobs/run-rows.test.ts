import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../../test/support/pictures.ts';
import { readRunRows } from './run-rows.ts';

const row = { loss: 0.5, smoothed: 0.5, rate: 1e-4, gradientNorm: 1, seconds: 0.1, memory: 1 };
const lines = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, i) => `${JSON.stringify({ step: from + i, ...row })}\n`).join('');
const stepsOf = async (path: string): Promise<number[]> =>
  (await readRunRows(path)).steps.map(({ step }) => step);

test('readings at once take each row once, and answers are nobody else’s', async () => {
  const path = join(temporaryFolder(), 'steps.jsonl');
  expect(await stepsOf(path)).toEqual([]);
  writeFileSync(path, lines(1, 2));
  const first = await readRunRows(path);
  appendFileSync(path, `${lines(3, 4)}{"step":`);
  expect(await Promise.all([stepsOf(path), stepsOf(path), stepsOf(path)])).toEqual(
    Array.from({ length: 3 }, () => [1, 2, 3, 4]),
  );
  expect(first.steps).toHaveLength(2);
  writeFileSync(path, lines(1, 3)); // a resumed run took the fourth back
  expect(await stepsOf(path)).toEqual([1, 2, 3]);
});

test('a long journal is read in parts, between which others have a turn', async () => {
  const path = join(temporaryFolder(), 'steps.jsonl');
  writeFileSync(path, lines(1, 20_000));
  let turns = 0;
  let isOver = false;
  const others = async (): Promise<void> => {
    while (!isOver) {
      await new Promise(resolve => setImmediate(resolve));
      turns++;
    }
  };
  const reading = readRunRows(path).finally(() => {
    isOver = true;
  });
  await Promise.all([reading, others()]);
  expect((await reading).steps).toHaveLength(20_000);
  expect(turns).toBeGreaterThanOrEqual(10);
});
