/** The form of bulk edits as the API's edits. */
import { expect, test } from 'vitest';
import { editOf } from './bulk-edit.ts';

const picture = (id: string, caption: string) => ({
  ...{ id, caption, name: id, width: 1, height: 1, bytes: 1, url: '' },
});
const pictures = [picture('1', 'a zorbi'), picture('2', 'a cat')];
const form = { kind: 'add', text: 'night', by: '', isLast: false } as const;

test('each kind of change', () => {
  expect(editOf(form, pictures)).toEqual({ add: ['night'], addLast: false, only: ['1', '2'] });
  expect(editOf({ ...form, kind: 'remove' }, pictures)).toEqual({ remove: ['night'], only: ['1', '2'] });
  expect(editOf({ ...form, kind: 'replace', by: 'day' }, pictures)).toMatchObject({
    replace: [{ from: 'night', to: 'day' }],
  });
  expect(editOf({ ...form, kind: 'prefix', text: 'costs $1 ' }, pictures)).toMatchObject({
    replace: [{ from: '/^/', to: 'costs $$1 ' }],
  });
  expect(editOf({ ...form, kind: 'set', text: '' }, pictures)).toMatchObject({ set: '' });
});

test('the trigger word goes only where it is missing; an empty form is no edit', () => {
  expect(editOf({ ...form, kind: 'trigger', text: 'zorbi' }, pictures)).toEqual({
    add: ['zorbi'],
    only: ['2'],
  });
  expect(editOf({ ...form, text: '  ' }, pictures)).toBeUndefined();
});
