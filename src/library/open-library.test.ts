/** @file The library as a whole: what is written of cards, pictures, hashes, other processes, damage. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import sharp from 'sharp';
import { afterEach, describe, expect, test } from 'vitest';
import { stripes, temporaryFolder } from '../../test/support/pictures.ts';
import { smallLora, writeLora } from '../../test/support/small-loras.ts';
import { openSafetensors } from '../files/index.ts';
import { dataFolderAt, makeDataFolders } from '../workbench/index.ts';
import type { CardEdit } from './card.ts';
import type { Library } from './library.ts';
import { openLibrary } from './open-library.ts';

const opened: Library[] = [];
afterEach(() => {
  for (const library of opened.splice(0)) library.close();
});

async function studio(metadata: Record<string, string> = {}) {
  const data = dataFolderAt(join(temporaryFolder(), 'data'));
  makeDataFolders(data);
  const path = join(data.loras, 'zorbi.safetensors');
  writeLora(path, { metadata });
  const open = (options = {}): Library => {
    const library = openLibrary(data, options);
    opened.push(library);
    return library;
  };
  const library = open();
  await library.scan();
  const [{ id }] = library.search({ use: 'lora' }).cards;
  return { data, path, open, library, id };
}

const thrown = (work: () => unknown, code: string): void =>
  expect(work).toThrow(expect.objectContaining({ code }));

describe('edits', () => {
  test('are kept, found, and taken back', async () => {
    const { library, id, open } = await studio({
      'modelspec.tags': 'from the file',
      'modelspec.author': 'Ann',
    });
    const triggers = [
      { name: 'default', words: 'zrb, red hat', strength: 0.8, negative: 'blurry' },
      { name: 'winter', words: 'zrb, coat' },
    ];
    const card = library.edit(id, {
      ...{ name: '  Zorbi   of the north ', triggers, tags: ['Person', 'person', '', 'north'] },
      ...{ notes: 'long\nnotes', favourite: true, rating: 5, strength: 0.7, license: 'CC0', author: 'Bo' },
    });
    expect(card).toMatchObject({
      ...{ name: 'Zorbi of the north', triggers, triggerOrigin: 'user', tags: ['Person', 'north'] },
      ...{ notes: 'long\nnotes', favourite: true, rating: 5, strength: 0.7, license: 'CC0', author: 'Bo' },
    });
    expect(library.search({ text: 'coat north' }).cards.map(one => one.id)).toEqual([id]);
    library.close();
    const again = open();
    expect(again.card(id)).toMatchObject({ name: 'Zorbi of the north', rating: 5 });
    const back = again.edit(id, { name: null, triggers: null, tags: null, strength: null, author: null });
    expect(back).toMatchObject({
      name: 'zorbi',
      triggers: [],
      tags: ['from the file'],
      author: 'Ann',
      rating: 5,
    });
    expect(back.strength).toBeUndefined();
    expect(again.search({ text: 'coat' }).total).toBe(0);
  });

  test('that say there are no trigger words', async () => {
    const { library, id } = await studio({ 'modelspec.trigger_phrase': 'zrb' });
    expect(library.card(id)).toMatchObject({ triggers: [{ words: 'zrb' }], triggerOrigin: 'metadata' });
    expect(library.edit(id, { triggers: [] })).toMatchObject({ triggers: [], triggerOrigin: 'user' });
  });

  test.each<[string, unknown]>([
    ['an unknown field', { nmae: 'x' }],
    ['a rating of 6', { rating: 6 }],
    ['half a star', { rating: 2.5 }],
    ['an empty name', { name: '  ' }],
    ['a strength that is no number', { strength: Number.NaN }],
    ['tags that are no list', { tags: 'a, b' }],
    ['notes without end', { notes: 'x'.repeat(200_000) }],
    ['nothing', null],
  ])('%s is refused', async (_, changes) => {
    const { library, id } = await studio();
    thrown(() => library.edit(id, changes as CardEdit), 'CARD_EDIT_WRONG');
    expect(library.card(id)?.name).toBe('zorbi');
  });

  test('of no card', async () => {
    const { library } = await studio();
    for (const id of ['', 'ffffffffffffffff', '../../etc/passwd', 'zorbi', '%', 'pocke']) {
      thrown(() => library.edit(id, {}), 'CARD_UNKNOWN');
      thrown(() => library.pathOf(id), 'CARD_UNKNOWN');
      expect(library.card(id)).toBeUndefined();
      await expect(library.preview(id)).rejects.toMatchObject({ code: 'CARD_UNKNOWN' });
    }
  });
});

describe('previews', () => {
  const png = stripes(64, 48, 1);

  test('the one in the file, the one beside it, the user’s', async () => {
    const jpeg = await sharp(png).jpeg().toBuffer();
    const { library, path, id, data, open } = await studio({
      'modelspec.thumbnail': `data:image/jpeg;base64,${jpeg.toString('base64')}`,
    });
    const inFile = library.card(id);
    expect(inFile?.hasPreview).toBe(true);
    expect(Buffer.from((await library.preview(id)) ?? [])).toEqual(jpeg);
    writeFileSync(path.replace('.safetensors', '.preview.png'), png);
    await library.scan();
    const beside = library.card(id);
    expect(beside?.previewVersion).not.toBe(inFile?.previewVersion);
    expect(Buffer.from((await library.preview(id)) ?? [])).toEqual(Buffer.from(png));
    await library.setPreview(id, await sharp(png).resize(2000).tiff().toBuffer());
    const own = library.card(id);
    expect(own?.previewVersion).not.toBe(beside?.previewVersion);
    expect(await sharp(await library.preview(id)).metadata()).toMatchObject({ format: 'webp', width: 1024 });
    library.close();
    rmSync(data.cache, { recursive: true });
    const anew = open();
    await anew.scan();
    expect(anew.card(id)?.previewVersion).toBe(own?.previewVersion);
    await anew.setPreview(id, undefined);
    expect(Buffer.from((await anew.preview(id)) ?? [])).toEqual(Buffer.from(png));
  });

  test('kohya’s covers', async () => {
    const { library, id } = await studio({
      ssmd_cover_images: JSON.stringify([Buffer.from(png).toString('base64'), 'second']),
    });
    expect(Buffer.from((await library.preview(id)) ?? [])).toEqual(Buffer.from(png));
  });

  test('what is no picture', async () => {
    const { library, id } = await studio();
    await expect(library.setPreview(id, Buffer.from('not a picture'))).rejects.toMatchObject({
      code: 'PICTURE_NOT_A_PICTURE',
    });
    expect(await library.preview(id)).toBeUndefined();
    expect(library.card(id)?.hasPreview).toBe(false);
  });
});

describe('hashes', () => {
  const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

  test('of the file and of its tensors, kept until it changes', async () => {
    const { library, id, path } = await studio({ sshs_model_hash: 'ab'.repeat(32) });
    expect(library.card(id)?.hashes).toEqual({});
    const bytes = readFileSync(path);
    const [whole, body] = [sha256(bytes), sha256(bytes.subarray(openSafetensors(path).dataOffset))];
    const expected = { sha256: whole, autoV2: whole.slice(0, 10), body, autoV3: body.slice(0, 12) };
    expect(await library.hash(id)).toEqual(expected);
    expect(library.card(id)).toMatchObject({ hashes: expected, findings: [{ code: 'HASH_STALE' }] });
    expect(library.search({ text: whole.slice(0, 10) }).cards.map(card => card.id)).toEqual([id]);
    await library.scan();
    expect(library.card(id)?.hashes).toEqual(expected);
    renameSync(path, `${path}.moved.safetensors`);
    await library.scan();
    expect(library.card(id)?.hashes).toEqual(expected);
    renameSync(`${path}.moved.safetensors`, path);
    writeFileSync(path, smallLora({ metadata: { other: 'metadata' } }));
    await library.scan();
    expect(library.card(id)?.hashes).toEqual({});
  });

  test('called off; of a file that is gone', async () => {
    const { library, id, path } = await studio();
    await expect(library.hash(id, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    unlinkSync(path);
    await expect(library.hash(id)).rejects.toMatchObject({ code: 'CARD_MISSING' });
  });

  test('the legacy one, of larger files', async () => {
    const { library, path } = await studio();
    writeLora(path, { rank: 250 });
    await library.scan();
    const [{ id }] = library.search({ use: 'lora' }).cards;
    expect(statSync(path).size).toBeGreaterThan(0x110000);
    const part = readFileSync(path).subarray(0x100000, 0x110000);
    expect(await library.hash(id)).toMatchObject({ autoV1: sha256(part).slice(0, 8) });
  });
});

describe('other processes', () => {
  test('a reader sees what is written, and writes nothing', async () => {
    const { open, library, id, path } = await studio();
    const reader = open({ readOnly: true });
    expect(reader.pathOf(id)).toBe(path);
    library.edit(id, { name: 'renamed' });
    expect(reader.card(id)?.name).toBe('renamed');
    expect(reader.search({ text: 'renamed' }).total).toBe(1);
    thrown(() => reader.edit(id, { name: 'x' }), 'LIBRARY_READ_ONLY');
    thrown(() => reader.scan(), 'LIBRARY_READ_ONLY');
    thrown(() => reader.addFolder('/'), 'LIBRARY_READ_ONLY');
  });

  test('a reader where nothing was written yet', () => {
    const data = dataFolderAt(join(temporaryFolder(), 'never'));
    const reader = openLibrary(data, { readOnly: true });
    opened.push(reader);
    expect(reader.search({}).cards.map(({ id }) => id)).toEqual(['pocket']);
    expect(statSync(data.path, { throwIfNoEntry: false })).toBeUndefined();
  });

  test('two that write', async () => {
    const { open, library, id, data } = await studio();
    const other = open();
    writeLora(join(data.loras, 'second.safetensors'), { seed: 2 });
    await Promise.all([library.scan(), other.scan()]);
    other.edit(id, { rating: 3 });
    library.edit(id, { favourite: true });
    expect(other.card(id)).toMatchObject({ rating: 3, favourite: true });
    expect(library.search({ use: 'lora' }).total).toBe(2);
  });

  test('an edit that the index has not seen is caught up with', async () => {
    const { open, library, id, data } = await studio();
    library.close();
    const database = new DatabaseSync(data.libraryFile);
    database.exec(`INSERT INTO edits VALUES ('${id}', '{"name":"from elsewhere"}', 0)`);
    database.exec('UPDATE counter SET writes = writes + 1');
    database.close();
    expect(open().card(id)?.name).toBe('from elsewhere');
  });
});

describe('damage', () => {
  const indexOf = (cache: string): string => join(cache, 'library-index.sqlite');

  test.each<[string, (file: string) => void]>([
    ['no database at all', file => writeFileSync(file, 'x'.repeat(5000))],
    ['an empty file', file => writeFileSync(file, '')],
    ['cut off', file => writeFileSync(file, readFileSync(file).subarray(0, 9000))],
    [
      'of another version',
      file => {
        const database = new DatabaseSync(file);
        database.exec("UPDATE facts_of_index SET value = '0' WHERE name = 'version'");
        database.close();
      },
    ],
    [
      'of a newer program',
      file => {
        const database = new DatabaseSync(file);
        database.exec('PRAGMA user_version = 99');
        database.close();
      },
    ],
  ])('an index that is %s is made anew', async (_, harm) => {
    const { open, library, id, data } = await studio();
    library.edit(id, { name: 'kept' });
    library.close();
    harm(indexOf(data.cache));
    const again = open();
    expect(again.card('pocket')).toBeDefined();
    await again.scan();
    expect(again.card(id)?.name).toBe('kept');
    expect(again.search({ text: 'kept' }).total).toBe(1);
  });

  test('an index that breaks while it is open', async () => {
    const { library, id, data } = await studio();
    for (let i = 0; i < 40; i++) writeLora(join(data.loras, `more ${i}.safetensors`), { seed: 50 + i });
    await library.scan();
    library.close();
    const file = indexOf(data.cache);
    const bytes = readFileSync(file);
    // All pages but the first, which is what is read when it is opened.
    writeFileSync(file, Buffer.concat([bytes.subarray(0, 4096), Buffer.alloc(bytes.length - 4096, 0xa5)]));
    const again = openLibrary(data);
    opened.push(again);
    again.search({ text: 'more' });
    await again.scan();
    expect(again.search({ use: 'lora' }).total).toBe(41);
    expect(again.card(id)?.name).toBe('zorbi');
  });

  test('the user’s own data are never made anew', async () => {
    const { library, data } = await studio();
    library.close();
    writeFileSync(data.libraryFile, 'x'.repeat(5000));
    thrown(() => openLibrary(data), 'LIBRARY_DAMAGED');
    expect(readFileSync(data.libraryFile, 'utf8')).toBe('x'.repeat(5000));
    rmSync(data.libraryFile);
    const database = new DatabaseSync(data.libraryFile);
    database.exec('PRAGMA user_version = 99');
    database.close();
    thrown(() => openLibrary(data), 'LIBRARY_NEWER');
    rmSync(data.libraryFile);
    mkdirSync(data.libraryFile);
    thrown(() => openLibrary(data), 'LIBRARY_UNREADABLE');
  });
});

test('closing ends a scan', async () => {
  const { library, data } = await studio();
  for (let i = 0; i < 80; i++) writeLora(join(data.loras, `more ${i}.safetensors`), { seed: 50 + i });
  const scan = library.scan();
  library.close();
  await expect(scan).rejects.toMatchObject({ code: 'LIBRARY_CLOSED' });
});
