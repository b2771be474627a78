/** What a curve means, in words. */
import { expect, test } from 'vitest';
import { verdictOf } from './run-words.ts';

const look = (values: readonly number[]) => values.map((validation, i) => ({ step: 45 * i, validation }));
const say = (values: readonly number[], more = {}) =>
  verdictOf({ validations: look(values), patience: 5, isEnded: false, ...more });

test('nothing is held out, or only the base was looked at', () => {
  expect(say([]).title).toBe('No pictures are held out');
  expect(say([0.2]).text).toContain('before the first step');
});

test('a falling loss is good, against the base', () => {
  expect(say([0.2, 0.1, 0.05])).toMatchObject({ tone: 'good' });
  expect(say([0.2, 0.1, 0.05]).text).toContain('75 % less wrong');
});

test('a look without progress is no overfitting', () => {
  const said = say([0.2, 0.1, 0.1001]);
  expect(said).toMatchObject({ tone: 'calm', title: 'Not better since step 45' });
  expect(said.text).toContain('After 4 looks more like that it stops by itself.');
  expect(say([0.2, 0.1, 0.12]).tone).toBe('calm');
});

test('looks that rise are overfitting, with what is kept and when it stops', () => {
  const said = say([0.2, 0.1, 0.12, 0.14]);
  expect(said).toMatchObject({ tone: 'warning', title: 'It begins to learn its pictures by heart' });
  expect(said.text).toContain('since step 45');
  expect(said.text).toContain('without a better one in 3 looks it stops by itself');
  expect(say([0.2, 0.1, 0.12, 0.14], { isEnded: true }).text).toContain('kept as the best.');
  expect(say([0.2, 0.1, 0.12, 0.14], { patience: 0 }).text).not.toContain('stops');
});
