/** The recipe's form: typed text, changes, search. */
import { expect, test } from 'vitest';
import { readTyped, searchFields, valueText, withField, withoutField } from './recipe-form.ts';

const row = (field: string, type: string, fallback?: unknown, text = '', choices?: string[]) => ({
  ...{ field, type, fallback, text, group: 'The run' },
  ...(choices ? { choices } : {}),
});

test('typed text becomes the value that it means', () => {
  expect(readTyped(row('rank', 'number'), ' 8 ')).toEqual({ value: 8 });
  expect(readTyped(row('learningRate', 'number'), '3e-4')).toEqual({ value: 3e-4 });
  expect(readTyped(row('learningRate', 'number'), '0,5')).toEqual({ value: 0.5 });
  expect(readTyped(row('steps', 'integer'), '10.5')).toEqual({ fault: '10.5 is no whole number' });
  expect(readTyped(row('steps', 'integer'), 'many')).toEqual({ fault: '"many" is no number' });
  expect(readTyped(row('convRank', 'number', null), 'none')).toEqual({ value: null });
  expect(readTyped(row('resolution', 'text', { width: 64, height: 64 }), '512x768')).toEqual({
    value: { width: 512, height: 768 },
  });
  expect(readTyped(row('resolution', 'text'), '512')).toEqual({ value: { width: 512, height: 512 } });
  expect(readTyped(row('flip', 'switch'), 'true')).toEqual({ value: true });
  expect(readTyped(row('recompute', 'choice', false, '', ['true', 'false', 'finest']), 'finest')).toEqual({
    value: 'finest',
  });
  expect(readTyped(row('recompute', 'choice', false, '', ['true', 'false', 'finest']), 'true')).toEqual({
    value: true,
  });
  expect(readTyped(row('mask', 'choice', 'none', '', ['none', 'alpha']), 'none')).toEqual({ value: 'none' });
  expect(readTyped(row('regularisation', 'list', []), 'a\n\n b ')).toEqual({ value: ['a', 'b'] });
  expect(readTyped(row('optimizerOptions', 'text', {}), '{"beta2": 0.9}')).toEqual({ value: { beta2: 0.9 } });
  expect(readTyped(row('optimizerOptions', 'text', {}), 'beta2')).toMatchObject({
    fault: expect.stringContaining('JSON'),
  });
});

test('a value stands in its field as it is read back', () => {
  const rows: readonly (readonly [ReturnType<typeof row>, unknown])[] = [
    [row('rank', 'number'), 8],
    [row('convRank', 'number', null), null],
    [row('resolution', 'text'), { width: 512, height: 768 }],
    [row('resolution', 'text'), { width: 512, height: 512 }],
    [row('regularisation', 'list'), ['a', 'b']],
    [row('overrides', 'list'), [{ match: 'block:mid', rank: 8 }]],
    [row('optimizerOptions', 'text', {}), { beta2: 0.9 }],
    [row('captionPrefix', 'text', ''), 'a photo of'],
  ];
  for (const [one, value] of rows) expect(readTyped(one, valueText(value))).toEqual({ value });
});

test('only what is said is kept', () => {
  const changed = withField(withField({}, 'rank', 8), 'flip', true);
  expect(withoutField(changed, 'rank')).toEqual({ flip: true });
});

test('fields are found by their own names, by words, and by those of other trainers', () => {
  const rows = [
    row('learningRate', 'number', 1e-4, 'learning rate'),
    row('rank', 'number', 16, 'how much a layer can learn'),
    row('flip', 'switch', false, 'mirror pictures half of the time'),
  ];
  const found = (search: string, only?: Record<string, unknown>) =>
    searchFields(rows, search, only).flatMap(({ fields }) => fields.map(({ field }) => field));
  expect(found('learning rate')).toEqual(['learningRate']);
  expect(found('lr')).toEqual(['learningRate']);
  expect(found('network_dim')).toEqual(['rank']);
  expect(found('mirror')).toEqual(['flip']);
  expect(found('')).toHaveLength(3);
  expect(found('', { rank: 8 })).toEqual(['rank']);
  expect(found('nothing like it')).toEqual([]);
});
