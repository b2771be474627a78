/** @file What bench/library.ts measures with 30,000 files, with 300: that little is read, and nothing twice. */
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { writeCollection } from '../../../test/support/lora-collection.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { dataFolderAt, makeDataFolders } from '../../workbench/index.ts';
import { openLibrary } from '../open-library.ts';

test('300 LoRAs', async () => {
  const root = temporaryFolder();
  const data = dataFolderAt(join(root, 'data'));
  makeDataFolders(data);
  const paths = writeCollection(join(root, 'loras'), 300);
  for (const path of paths) utimesSync(path, 1.7e9, 1.7e9);
  const first = openLibrary(data);
  first.addFolder(join(root, 'loras'));
  let turns = 0;
  const others = setInterval(() => turns++, 1);
  expect(await first.scan()).toMatchObject({ seen: 300, added: 300, broken: 0 });
  clearInterval(others);
  expect(turns).toBeGreaterThan(3);
  first.close();

  const index = new DatabaseSync(join(data.cache, 'library-index.sqlite'), { readOnly: true });
  // Only six tables of tensors differ.
  expect(index.prepare('SELECT count(*) AS n FROM tensor_tables').get()).toEqual({ n: 6 });
  index.close();

  const library = openLibrary(data);
  const { total, cards } = library.search({ use: 'lora', text: 'sty', sort: 'name' });
  expect(total).toBeGreaterThan(20);
  expect(cards.every(({ name, place }) => /sty/i.test(`${name} ${place}`))).toBe(true);
  const totals: number[] = [];
  const again = await library.scan({ onProgress: (_, all) => totals.push(all) });
  expect(again).toMatchObject({ seen: 300, added: 0, changed: 0, moved: 0, missing: 0 });
  expect(Math.max(...totals)).toBe(0);
  expect(library.facets('lora').families.map(({ value }) => value)).toEqual(['SD 1.x', 'SDXL']);
  expect(library.search({ use: 'lora', text: 'masterpiece' }).total).toBe(75);
  library.close();
});
