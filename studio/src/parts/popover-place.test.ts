/** Places of what opens beside a button: never beyond the screen. */
import { expect, test } from 'vitest';
import { placeFor } from './popover-place.ts';

const screen = { width: 1280, height: 800 };
const button = (top: number) => ({ top, bottom: top + 32, left: 400, right: 500 });

test.each([
  ['below', 100, 300, { top: 138, maxHeight: 654 }],
  ['above, where below is too low', 700, 300, { top: 394, maxHeight: 686 }],
  ['below and less high, where that is the larger room', 300, 600, { top: 338, maxHeight: 454 }],
  ['above and less high', 500, 600, { top: 8, maxHeight: 486 }],
])('%s', (_, top, height, place) => {
  expect(placeFor(button(top), { width: 420, height }, screen, 'start')).toEqual({ left: 400, ...place });
});

test('on a low screen it covers its button rather than being too low to use', () => {
  const low = { width: 1280, height: 300 };
  expect(placeFor(button(140), { width: 420, height: 260 }, low, 'start')).toMatchObject({
    ...{ top: 32, maxHeight: 260 },
  });
});

test('it stays between left and right edges', () => {
  const at = (left: number, align: 'start' | 'end') =>
    placeFor({ ...button(100), left, right: left + 40 }, { width: 420, height: 100 }, screen, align).left;
  expect([at(1200, 'start'), at(10, 'end'), at(600, 'end')]).toEqual([852, 8, 220]);
});
