/** What is kept of pictures: files that have not changed are not read, what has changed is. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pictureFolder, stripes } from '../../../../test/support/pictures.ts';
import { inspectPicture } from '../../inspect.ts';
import { assignBuckets } from '../../latents.ts';
import { scanFolder } from '../../scan.ts';
import { measurePicture } from '../picture.ts';
import { inspectKept } from './inspect-kept.ts';
import { type KeptMeasures, keepMeasures, openHotValues } from './keep-measures.ts';
import { knownFileKind, scannedKind } from './kind.ts';
import { contentKind, trainedKind } from './measure-kinds.ts';

const limits = { minSide: 16, maxPixels: 1e6 };
const later = (): number => Date.now() + 60_000;
const buckets = { resolution: { width: 64, height: 64 }, min: 32, max: 128, step: 8 };

function openKept(hot = openHotValues()): KeptMeasures & { readonly values: Map<string, Uint8Array> } {
  const values = new Map<string, Uint8Array>();
  const store = {
    get: (key: string) => values.get(key),
    put: (key: string, bytes: Uint8Array) => void values.set(key, bytes),
  };
  return { ...keepMeasures(store, hot), values };
}

test('a file that has not changed is not read: what is known of its path counts', async () => {
  const path = join(pictureFolder(1), '0.png');
  const padded = (bytes: Uint8Array): Uint8Array => Buffer.concat([bytes], 5000);
  writeFileSync(path, padded(stripes(64, 64, 5)));
  const kept = openKept();
  const inspect = inspectKept(kept, later);
  expect(await inspect(path, limits)).toEqual(await inspectPicture(path, limits));
  // Were the file read, its own size would be told.
  const known = kept.get(knownFileKind, [path]);
  const other = 'ab'.repeat(32);
  kept.put(knownFileKind, [path], { stamp: known?.stamp ?? '', hash: other });
  kept.put(scannedKind, [other, limits.minSide, limits.maxPixels], {
    width: 999,
    height: 777,
    hash: other,
    frames: 1,
    hasAlpha: false,
  });
  expect(await inspect(path, limits)).toMatchObject({ width: 999, height: 777 });
  // Of the same size and time, as some programs leave it: the time of the change tells.
  const { size, atime, mtime } = statSync(path);
  writeFileSync(path, padded(stripes(64, 32, 5)));
  utimesSync(path, atime, mtime);
  expect(statSync(path)).toMatchObject({ size, mtime });
  expect(await inspect(path, limits)).toMatchObject({ width: 64, height: 32 });
});

test('a file that was changed a moment ago may change again without looking changed: it is read', async () => {
  const path = join(pictureFolder(1), '0.png');
  const kept = openKept();
  await inspectKept(kept)(path, limits);
  expect(kept.get(knownFileKind, [path])).toBeUndefined();
  // A time in the past does not make it older: the change of the times is one.
  utimesSync(path, 1e9, 1e9);
  await inspectKept(kept)(path, limits);
  expect(kept.get(knownFileKind, [path])).toBeUndefined();
});

test('what cannot be used is told each time', async () => {
  const folder = pictureFolder(1);
  const inspect = inspectKept(openKept(), later);
  for (const [name, bytes] of [
    ['broken.png', stripes(64, 64, 1).subarray(0, 60)],
    ['small.png', stripes(8, 8, 1)],
  ] as const) {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    const said = await inspectPicture(path, limits);
    expect([await inspect(path, limits), await inspect(path, limits)]).toEqual([said, said]);
  }
  expect(await inspect(join(folder, 'none.png'), limits)).toMatchObject({ code: 'FILE_UNREADABLE' });
  expect(await inspect(folder, limits)).toMatchObject({ code: 'FILE_UNREADABLE' });
});

test('a measured picture needs its file no more; one that changed since the scan is not kept', async () => {
  const { pictures } = await scanFolder(pictureFolder(2));
  const placed = assignBuckets(pictures, buckets);
  const kept = openKept();
  const measured = await measurePicture(pictures[0], placed[0], { kept, thumbnailSide: 32 });
  expect(measured).toEqual(await measurePicture(pictures[0], placed[0], { thumbnailSide: 32 }));
  const cold = keepMeasures({ get: key => kept.values.get(key), put: () => undefined }, openHotValues());
  const gone = { ...pictures[0], path: '/nowhere/0.png' };
  for (const known of [kept, cold]) {
    const again = await measurePicture(gone, placed[0], { kept: known, thumbnailSide: 32 });
    expect({ ...again, picture: pictures[0] }).toEqual(measured);
  }
  const before = kept.values.size;
  writeFileSync(pictures[1].path, stripes(64, 64, 77));
  await measurePicture(pictures[1], placed[1], { kept });
  expect(kept.values.size).toBe(before);
});

test('measures come back to the last bit, and damaged ones not at all', async () => {
  const { pictures } = await scanFolder(pictureFolder(1));
  const [placed] = assignBuckets(pictures, buckets);
  const measured = await measurePicture(pictures[0], placed);
  const { sharpness, exposure, ground, edges } = measured;
  const trained = { sharpness, exposure, ground, edges };
  expect(trainedKind.decode(trainedKind.encode(trained))).toStrictEqual(trained);
  const bytes = trainedKind.encode(trained);
  expect(trainedKind.decode(bytes.subarray(0, -8))).toBeUndefined();
  expect(() => contentKind.decode(bytes)).toThrow();
  const kept = openKept();
  kept.put(trainedKind, ['x'], { ...trained, ground: { ...ground, share: Number.NaN } });
  expect(kept.get(trainedKind, ['x'])).toBeUndefined();
});

test('the values used last stay in memory', () => {
  const hot = openHotValues(2);
  const [a, b, c] = [{ a: 1 }, { b: 1 }, { c: 1 }];
  hot.set('a', a);
  hot.set('b', b);
  expect(hot.get('a')).toBe(a);
  hot.set('c', c);
  expect([hot.get('a'), hot.get('b'), hot.get('c')]).toEqual([a, undefined, c]);
});

test('the hash is that of the file', async () => {
  const path = join(pictureFolder(1), '0.png');
  const kept = openKept();
  await inspectKept(kept, later)(path, limits);
  expect(kept.get(knownFileKind, [path])).toEqual({
    hash: createHash('sha256').update(readFileSync(path)).digest('hex'),
    stamp: expect.stringContaining(`${statSync(path).size} `),
  });
});
