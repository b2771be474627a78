/** @file Filters as queries. */
import { expect, test } from 'vitest';
import { filterCount, noFilter, queryOf, withUse } from './card-query.ts';

test('what is not set is not asked for; order follows whether there are words', () => {
  expect(queryOf(noFilter)).toMatchObject({ use: 'lora', sort: 'newest' });
  expect(queryOf({ ...noFilter, text: ' zorbi ' })).toMatchObject({ text: 'zorbi', sort: 'best' });
  expect(queryOf({ ...noFilter, text: 'zorbi', sort: 'size' })).toMatchObject({ sort: 'size' });
  const said = Object.entries(queryOf(noFilter)).filter(([, value]) => value !== undefined);
  expect(said.map(([name]) => name).sort()).toEqual(['sort', 'use']);
});

test('filters are counted, and those of one use are let go with it', () => {
  const filter = { ...noFilter, text: 'x', family: 'SDXL', favourite: true, tag: 'style' };
  expect(filterCount(filter)).toBe(3);
  expect(withUse(filter, 'checkpoint')).toMatchObject({
    ...{ use: 'checkpoint', family: '', tag: '', text: 'x', favourite: true },
  });
});
