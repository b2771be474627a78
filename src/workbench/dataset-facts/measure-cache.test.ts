/** What was measured before: the same report as without, from the file and from memory, with captions always read anew. */
import { appendFileSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { pictureFolder, stripes, temporaryFolder } from '../../../test/support/pictures.ts';
import { pictureFaults } from '../../../test/support/planted/faults.ts';
import { plantSet } from '../../../test/support/planted/planted-set.ts';
import { datasetFacts } from './facts.ts';
import { type MeasureCache, measureCacheIn } from './measure-cache.ts';
import { type MeasuredSet, type MeasureRequest, measureSet } from './measure-set.ts';
import { readerOfFamily } from './reader.ts';

const reader = readerOfFamily('sd15');
const resolution = { width: 256, height: 256 };

const measure = (folder: string, cache?: MeasureCache, request: Partial<MeasureRequest> = {}) =>
  measureSet({ data: [folder], reader, said: { resolution }, goal: 'character', cache, ...request });

/** Without the words of libvips for a broken file: where several are decoded at once it may have lost them. */
const textOf = ({ report, run }: MeasuredSet): string =>
  JSON.stringify(datasetFacts(report, run)).replace(/cannot be decoded: [^".]+/g, 'cannot be decoded');

describe('the same report with and without it', () => {
  const sets: { name: string; folder: string }[] = [
    { name: 'an example', folder: resolve('examples/blueprint-style') },
    { name: 'planted faults', folder: join(temporaryFolder(), 'set') },
  ];
  beforeAll(async () => {
    const faults = [...Object.keys(pictureFaults), 'copies', 'one ground', 'trigger missing'];
    await plantSet(sets[1].folder, { seed: 7, pictures: 24, faults });
  });

  test.each(sets)('$name', async ({ folder }) => {
    const plain = await measure(folder, undefined, { thumbnailSideFor: () => 64 });
    const cacheFolder = temporaryFolder();
    const cache = measureCacheIn(cacheFolder);
    const ways = [cache, cache, measureCacheIn(cacheFolder)]; // first, from memory, from the file
    for (const way of ways) {
      const kept = await measure(folder, way, { thumbnailSideFor: () => 64 });
      expect(textOf(kept)).toBe(textOf(plain));
      expect(isDeepStrictEqual(kept.report.pictures, plain.report.pictures)).toBe(true); // to the last bit
    }
    expect(statSync(cache.file).size).toBeGreaterThan(0);
  });
});

test('other buckets are measured anew', async () => {
  const folder = pictureFolder(3);
  const cache = measureCacheIn(temporaryFolder());
  await measure(folder, cache);
  const other = { said: { resolution: { width: 512, height: 256 } } };
  expect(textOf(await measure(folder, cache, other))).toBe(textOf(await measure(folder, undefined, other)));
});

test('a changed caption is read, also one of the same length and time', async () => {
  const folder = pictureFolder(3);
  const cache = measureCacheIn(temporaryFolder());
  await measure(folder, cache);
  const caption = join(folder, '1.txt');
  const { atime, mtime } = statSync(caption);
  writeFileSync(caption, 'a picture of stripes 7');
  utimesSync(caption, atime, mtime);
  const { report } = await measure(folder, cache);
  expect(report.pictures.map(picture => picture.caption)).toEqual([
    ...['a picture of stripes 0', 'a picture of stripes 7', 'a picture of stripes 2'],
  ]);
});

test('a changed picture is measured', async () => {
  const folder = pictureFolder(3);
  const cache = measureCacheIn(temporaryFolder());
  const before = await measure(folder, cache);
  writeFileSync(join(folder, '1.png'), stripes(64, 64, 99));
  const after = await measure(folder, cache);
  expect(textOf(after)).toBe(textOf(await measure(folder)));
  expect(textOf(after)).not.toBe(textOf(before));
});

test('what was measured before a stop is kept', async () => {
  const folder = pictureFolder(12);
  const cacheFolder = temporaryFolder();
  const stopping = new AbortController();
  const stopped = measure(folder, measureCacheIn(cacheFolder), {
    signal: stopping.signal,
    onProgress: (what, done) => {
      if (what === 'measuring' && done === 6) stopping.abort();
    },
  });
  await expect(stopped).rejects.toThrow();
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(measureCacheIn(cacheFolder).file);
  // What the scan says of each picture, and two kinds of measures of six.
  expect(Number(database.prepare('SELECT count(*) AS n FROM kept').get()?.n)).toBeGreaterThanOrEqual(24);
  database.close();
});

test('without a place to write, and with a damaged file, the report is the same', async () => {
  const folder = pictureFolder(3);
  const plain = textOf(await measure(folder));
  const blocked = join(temporaryFolder(), 'a-file');
  writeFileSync(blocked, 'no folder');
  expect(textOf(await measure(folder, measureCacheIn(join(blocked, 'cache'))))).toBe(plain);

  const cache = measureCacheIn(temporaryFolder());
  await measure(folder, cache);
  const bytes = readFileSync(cache.file);
  for (const damaged of [
    Buffer.from('no database'),
    bytes.subarray(0, bytes.length / 2),
    bytes.fill(7, 5000),
  ]) {
    writeFileSync(cache.file, damaged);
    const again = measureCacheIn(join(cache.file, '..'));
    expect(textOf(await measure(folder, again))).toBe(plain);
  }
  appendFileSync(cache.file, 'more');
  expect(textOf(await measure(folder, measureCacheIn(join(cache.file, '..'))))).toBe(plain);
});
