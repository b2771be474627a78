/** ⌘/Ctrl+Enter: once, and not under a dialog. */
import { expect, test } from 'vitest';
import { takesStart } from './keys.ts';

function press(more: Partial<KeyboardEvent> = {}) {
  let isTaken = false;
  const event = {
    ...{ key: 'Enter', ctrlKey: true, metaKey: true, repeat: false },
    ...more,
    preventDefault: () => {
      isTaken = true;
    },
  };
  return { event: event as KeyboardEvent, isTaken: () => isTaken };
}

test('a key that is held starts once, and the form does not send itself either', () => {
  const [first, held] = [press(), press({ repeat: true })];
  expect([takesStart(first.event, () => false), takesStart(held.event, () => false)]).toEqual([true, false]);
  expect([first.isTaken(), held.isTaken()]).toEqual([true, true]);
});

test('under a dialog, and without its other key, Enter belongs to others', () => {
  const under = press();
  expect(takesStart(under.event, () => true)).toBe(false);
  expect(under.isTaken()).toBe(false);
  expect(takesStart(press({ ctrlKey: false, metaKey: false }).event, () => false)).toBe(false);
});
