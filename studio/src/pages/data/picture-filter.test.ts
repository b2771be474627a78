/** Filters narrow; together they narrow more. */
import { expect, test } from 'vitest';
import { filterPictures, isFiltering, noFilter } from './picture-filter.ts';

const pictures = [
  { name: '01.png', caption: 'a zorbi waving' },
  { name: '02.png', caption: 'a zorbi at night' },
  { name: 'night.png', caption: '' },
];
const found = (filter: object) =>
  filterPictures(pictures, { ...noFilter, ...filter }, 'sentences').map(({ name }) => name);

test('by text in name or caption, by term, by finding', () => {
  expect(found({})).toHaveLength(3);
  expect(found({ text: 'NIGHT' })).toEqual(['02.png', 'night.png']);
  expect(found({ text: 'zorbi wav' })).toEqual(['01.png']);
  expect(found({ terms: ['night'] })).toEqual(['02.png']);
  expect(found({ named: new Set(['01.png', '02.png']), text: 'night' })).toEqual(['02.png']);
  expect(found({ text: 'x' })).toEqual([]);
  expect([isFiltering(noFilter), isFiltering({ ...noFilter, terms: ['a'] })]).toEqual([false, true]);
});
