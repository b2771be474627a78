/** Rows of a run as columns, also where a resumed run went back. */
import { expect, test } from 'vitest';
import type { ApiTrainingRows } from '../../../../src/server/api-types.ts';
import { bestLook, columnsOf, lastStep, lossRange, mergeRows, noRows, stripsOf } from './run-series.ts';

const step = (n: number, loss: number) => ({
  ...{ step: n, loss, smoothed: loss, rate: 1e-3, gradientNorm: 1, seconds: 0.1, memory: 1 },
});
const rows = (part: Partial<ApiTrainingRows>): ApiTrainingRows => ({ ...noRows, totalSteps: 10, ...part });

test('new rows are added; a resumed run takes the place of what it does again', () => {
  const first = rows({
    steps: [step(1, 9), step(2, 8), step(3, 7)],
    validations: [{ step: 0, validation: 5 }],
  });
  const again = rows({
    steps: [step(3, 6), step(4, 5)],
    validations: [{ step: 4, validation: 4, low: 3, high: 5 }],
  });
  const merged = mergeRows(first, again);
  expect(merged.steps.map(({ loss }) => loss)).toEqual([9, 8, 6, 5]);
  expect(lastStep(merged)).toBe(4);
  expect(mergeRows(merged, noRows)).toEqual(merged);
  const columns = columnsOf(merged);
  expect(columns.steps).toEqual([0, 1, 2, 3, 4]);
  expect(columns.loss).toEqual([null, 9, 8, 6, 5]);
  expect(columns.validation).toEqual([5, null, null, null, 4]);
  expect(columns.low).toEqual([null, null, null, null, 3]);
});

test('the best look is the lowest, the first of equals', () => {
  expect(bestLook([])).toBeUndefined();
  const looks = [3, 1, 1, 2].map((validation, i) => ({ step: i, validation }));
  expect(bestLook(looks)?.step).toBe(1);
});

test('one huge step does not flatten the curve', () => {
  const losses = Array.from({ length: 200 }, (_, i) => (i === 50 ? 1000 : 0.5));
  const columns = columnsOf(
    rows({ steps: losses.map((loss, i) => ({ ...step(i + 1, loss), smoothed: 0.5 })) }),
  );
  expect(lossRange(columns)[1]).toBeCloseTo(0.525);
  expect(lossRange(columnsOf(noRows))).toEqual([0, 1]);
});

test('previews stand by prompt, without the LoRA first', () => {
  const preview = (name: string, n: number) => ({ name, step: n, prompt: `p${name}`, url: `/${name}/${n}` });
  const strips = stripsOf([preview('01', 50), preview('00', 50), preview('00', 0), preview('01', 0)]);
  expect(strips.map(({ prompt, pictures }) => [prompt, pictures.map(picture => picture.step)])).toEqual([
    ['p00', [0, 50]],
    ['p01', [0, 50]],
  ]);
});
