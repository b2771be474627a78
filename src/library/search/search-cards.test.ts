/** @file Search: what is found by which words, filters, orders, and words that mean harm. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { writeLora } from '../../../test/support/small-loras.ts';
import { dataFolderAt, makeDataFolders } from '../../workbench/index.ts';
import type { CardQuery } from '../card.ts';
import type { Library } from '../library.ts';
import { openLibrary } from '../open-library.ts';

let library: Library;
let folderId: string;

const tagged = (...tags: string[]) => ({
  'modelspec.tags': tags.join(', '),
});

beforeAll(async () => {
  const root = temporaryFolder();
  const data = dataFolderAt(join(root, 'data'));
  makeDataFolders(data);
  const models = join(root, 'models');
  mkdirSync(join(models, 'people', 'Böll'), { recursive: true });
  const write = (place: string, seed: number, options = {}): void =>
    writeLora(join(models, `${place}.safetensors`), { seed, ...options });
  write('people/KoreanDoll_v2', 1, { metadata: tagged('woman', 'Face') });
  write('people/Böll/heinrich', 2, { metadata: { 'modelspec.description': "a writer's portrait; ÄÖÜ" } });
  write('lora 2', 3, { textWidth: 2048, metadata: tagged('style') });
  write('lora 10', 4, { textWidth: 2048, metadata: tagged('style', 'Woman') });
  write('少女风格', 5);
  write('🔥fire🥹', 6, { rank: 8 });
  writeFileSync(join(models, 'lora 2.json'), JSON.stringify({ 'activation text': 'zrbstyle, ink' }));
  library = openLibrary(data);
  folderId = library.addFolder(models)[0].id;
  await library.scan();
});
afterAll(() => library.close());

const names = (query: CardQuery): string[] =>
  library.search({ use: 'lora', ...query }).cards.map(({ name }) => name);

describe('words', () => {
  test.each([
    ['korean', ['KoreanDoll_v2']],
    ['doll', ['KoreanDoll_v2']],
    ['KOREANDOLL', ['KoreanDoll_v2']],
    ['v2 kor', ['KoreanDoll_v2']],
    ['oll', []],
    ['boll', ['heinrich']],
    ['writer portrait', ['heinrich']],
    ['aou', ['heinrich']],
    ['zrb', ['lora 2']],
    ['ink', ['lora 2']],
    ['woman', ['KoreanDoll_v2', 'lora 10']],
    ['woman style', ['lora 10']],
    ['风格', ['少女风格']],
    ['女', ['少女风格']],
    ['🥹', ['🔥fire🥹']],
    ['🔥 fire', ['🔥fire🥹']],
    ['🧊', []],
  ])('%s', (text, expected) => {
    expect(names({ text, sort: 'name' })).toEqual(expected);
  });

  test('a name counts more than a description', () => {
    expect(names({ text: 'lora', sort: 'best' }).slice(0, 2).sort()).toEqual(['lora 10', 'lora 2']);
  });

  test('also where one of each training is shown', () => {
    // "zrbstyle" and "ink" are its trigger words; the other has them in its notes alone.
    const other = library.search({ text: 'heinrich' }).cards[0].id;
    library.edit(other, { notes: 'goes well with zrbstyle', favourite: true, rating: 5 });
    for (const grouped of [false, true])
      expect(names({ text: 'zrbstyle', sort: 'best', grouped })).toEqual(['lora 2', 'heinrich']);
    expect(names({ text: 'zrbstyle', sort: 'rating', grouped: true })).toEqual(['heinrich', 'lora 2']);
    library.edit(other, { notes: '', favourite: false, rating: 0 });
  });

  test('an id or its beginning', () => {
    const [card] = library.search({ text: 'korean' }).cards;
    expect(names({ text: card.id })).toEqual(['KoreanDoll_v2']);
    expect(names({ text: card.id.slice(0, 10) })).toEqual(['KoreanDoll_v2']);
  });
});

describe('whatever is typed, there is an answer', () => {
  test.each([
    ...[
      '"',
      "'",
      '*',
      '"*',
      'a"',
      'NEAR(',
      'a AND',
      'OR',
      'NOT x',
      'name:',
      '{name}: x',
      '^a',
      '-',
      'a-b',
      '(',
      '))',
    ],
    ...["'; DROP TABLE cards; --", '\0', '\ud800', '%', '_', 'a\u0000b', '+', 'words MATCH', '‼', '\ufe0f'],
    'x'.repeat(10_000),
    'ab '.repeat(3_400),
  ])('%j', text => {
    const { total, cards } = library.search({ text });
    expect(total).toBeGreaterThanOrEqual(cards.length);
  });

  test('any text at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.boolean(), (text, grouped) => {
        library.search({ text, grouped });
        library.search({ family: text, kind: text, tag: text, folder: text });
        library.card(text);
      }),
      { numRuns: 150, seed: 8 },
    );
    expect(library.search({}).total).toBe(7);
  });

  test('text without a word is no filter', () => {
    expect(library.search({ text: ' …— ' }).total).toBe(7);
  });
});

describe('filters and orders', () => {
  test('natural order of names', () => {
    const sorted = names({ sort: 'name' });
    expect(sorted.indexOf('lora 2')).toBe(sorted.indexOf('lora 10') - 1);
  });

  test('family, tag whatever its case, folder and what is inside of it', () => {
    expect(names({ family: 'SDXL', sort: 'name' })).toEqual(['lora 2', 'lora 10']);
    expect(names({ tag: 'WOMAN', sort: 'name' })).toEqual(['KoreanDoll_v2', 'lora 10']);
    expect(names({ folder: folderId })).toHaveLength(6);
    expect(names({ folder: `${folderId}/people`, sort: 'name' })).toEqual(['heinrich', 'KoreanDoll_v2']);
    expect(names({ folder: `${folderId}/people/Böll` })).toEqual(['heinrich']);
    expect(names({ folder: `${folderId}/peo` })).toEqual([]);
    expect(names({ folder: 'studio-loras' })).toEqual([]);
    expect(library.search({ use: 'checkpoint' }).cards.map(({ id }) => id)).toEqual(['pocket']);
  });

  test('pages', () => {
    const all = names({ sort: 'name' });
    expect(names({ sort: 'name', limit: 2, offset: 3 })).toEqual(all.slice(3, 5));
    expect(library.search({ limit: 0 })).toEqual({ total: 7, cards: [] });
    expect(library.search({ offset: 1e9 })).toEqual({ total: 7, cards: [] });
    expect(library.search({ limit: -5, offset: Number.NaN }).total).toBe(7);
  });

  test('favourites and rating', () => {
    const [card] = library.search({ text: 'heinrich' }).cards;
    library.edit(card.id, { favourite: true, rating: 4 });
    expect(names({ favourite: true })).toEqual(['heinrich']);
    expect(names({ sort: 'rating' })[0]).toBe('heinrich');
    expect(names({ sort: 'best' })[0]).toBe('heinrich');
    expect(names({ favourite: false })).toHaveLength(5);
    library.edit(card.id, { favourite: false, rating: 0 });
  });

  test('how many there are of what', () => {
    const { families, kinds, tags, folders } = library.facets('lora');
    expect(families).toEqual([
      { value: 'SD 1.x', count: 4 },
      { value: 'SDXL', count: 2 },
    ]);
    expect(kinds).toEqual([{ value: 'LoRA', count: 6 }]);
    expect(tags.slice(0, 2).map(({ value, count }) => [value.toLowerCase(), count])).toEqual([
      ['style', 2],
      ['woman', 2],
    ]);
    expect(folders).toEqual([{ value: folderId, count: 6 }]);
    expect(library.facets().folders).toContainEqual({ value: 'pocket', count: 1 });
  });
});
