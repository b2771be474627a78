/** Selecting as in a file manager. */
import { expect, test } from 'vitest';
import { nothingSelected, select, selectAll, withinOrder } from './selection.ts';

const order = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const chosen = (...selection: Parameters<typeof select>): string => [...select(...selection).chosen].join('');

test('click, Ctrl and shift', () => {
  const one = select(nothingSelected, order, 'c');
  expect([...one.chosen]).toEqual(['c']);
  expect(chosen(one, order, 'e', { range: true })).toBe('cde');
  expect(chosen(one, order, 'a', { range: true })).toBe('abc');
  const two = select(one, order, 'f', { toggle: true });
  expect([...two.chosen]).toEqual(['c', 'f']);
  expect(chosen(two, order, 'c', { toggle: true })).toBe('f');
  expect(chosen(two, order, 'g', { range: true, toggle: true })).toBe('cfg');
  expect(chosen(nothingSelected, order, 'b', { range: true })).toBe('b');
});

test('a second shift click starts at the same anchor', () => {
  const range = select(select(nothingSelected, order, 'c'), order, 'f', { range: true });
  expect(chosen(range, order, 'a', { range: true })).toBe('abc');
});

test('what is filtered away is not selected any more', () => {
  const all = selectAll(select(nothingSelected, order, 'g'), order);
  expect(withinOrder(all, ['a', 'b'])).toEqual({
    chosen: new Set(['a', 'b']),
    anchor: undefined,
    focus: undefined,
  });
});
