/** Ranges of steps as LoRA Block Weight writes them. */
import { expect, test } from 'vitest';
import { splitSteps, stepRange } from './step-range.ts';

test.each([
  [undefined, undefined, 20, 0, Number.POSITIVE_INFINITY],
  ['5', undefined, 20, 5, Number.POSITIVE_INFINITY],
  [undefined, '10', 20, 0, 10],
  ['5', '10', 20, 5, 10],
  ['0', '1', 20, 0, 1],
  [undefined, '30', 20, 0, 30],
  // With a point it is a share: 1 is a step, 1.0 all of them.
  ['0.25', '0.5', 20, 5, 10],
  ['.5', '1.0', 7, 3, 7],
  ['5', '0.5', 20, 5, 10],
] as const)('start=%s stop=%s of steps', (start, stop, steps, from, to) => {
  expect(stepRange(start, stop, steps)).toEqual({ from, to });
});

test.each([
  ['10', '5', /none of the 20/],
  ['20', undefined, /start=20 .*none of the 20/],
  [undefined, '0', /none/],
  ['0.5', '0.5', /none/],
  ['-1', undefined, /neither/],
  ['1e1', undefined, /neither/],
  ['', undefined, /neither/],
  [undefined, '1.01', /at most 1/],
])('start=%s stop=%s is refused', (start, stop, message) => {
  expect(() => stepRange(start, stop, 20)).toThrow(
    expect.objectContaining({
      code: 'LORA_STEP_RANGE',
      exit: 'usage',
      message: expect.stringMatching(message),
    }),
  );
});

test('a range in one word', () => {
  expect(splitSteps('5-10')).toEqual(['5', '10']);
  expect(splitSteps('0.2 - .6')).toEqual(['0.2', '.6']);
  for (const odd of ['5', '5-', '-5', '1-2-3', 'a-b'])
    expect(() => splitSteps(odd)).toThrow(expect.objectContaining({ code: 'LORA_STEP_RANGE' }));
});
