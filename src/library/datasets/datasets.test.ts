/** Data sets on real files: good, broken, half, hostile; what is written is what training reads. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { pictureFolder, stripes, temporaryFolder } from '../../../test/support/pictures.ts';
import { traversalForms } from '../../../test/support/traversal-forms.ts';
import { scanFolder } from '../../dataset/index.ts';
import { type DataFolder, dataFolderAt, makeDataFolders } from '../../workbench/index.ts';
import { type Datasets, openDatasets } from './datasets.ts';
import { findDataset } from './places.ts';

let data: DataFolder;
let datasets: Datasets;
const opened: Datasets[] = [];
const made: string[] = [];

beforeEach(() => {
  const folder = temporaryFolder();
  made.push(folder);
  data = dataFolderAt(folder);
  makeDataFolders(data);
  datasets = openDatasets(data);
  opened.push(datasets);
});
afterAll(() => {
  for (const one of opened) one.close();
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

const add = (id: string, name: string, bytes: Uint8Array | string) =>
  datasets.add(id, name, Readable.from([Buffer.from(bytes)]));
const fault = (code: string) => expect.objectContaining({ code });
const namesIn = (id: string) =>
  readdirSync(join(data.datasets, id))
    .filter(name => !name.startsWith('.'))
    .sort();

describe('lists', () => {
  it('shows examples with goal, word and licence', async () => {
    const found = await datasets.list();
    const zorbi = found.find(({ id }) => id === 'example:zorbi-character');
    expect(zorbi).toMatchObject({ origin: 'example', pictures: 20, captioned: 20 });
    expect(zorbi?.suggestion).toEqual({ goal: 'character', trigger: 'zorbi' });
    expect(zorbi?.licence).toMatch(/CC0/);
    expect(zorbi?.covers).toHaveLength(4);
  });

  it('reads captions as training does', async () => {
    const folder = join(data.datasets, 'mixed');
    cpSync(pictureFolder(4), folder, { recursive: true });
    mkdirSync(join(folder, '5_red cat'));
    writeFileSync(join(folder, '5_red cat', 'x.png'), stripes(64, 64, 9));
    writeFileSync(join(folder, '0.txt'), 'first line\nsecond line');
    rmSync(join(folder, '1.txt'));
    writeFileSync(join(folder, '1.json'), JSON.stringify({ caption: 'from json' }));
    writeFileSync(join(folder, 'broken.png'), stripes(64, 64, 1).subarray(0, 30));
    writeFileSync(join(folder, 'text.jpg'), 'no picture');
    writeFileSync(join(folder, 'phone.heic'), 'x');
    const { items, pictures } = await datasets.get('mixed');
    const scan = await scanFolder(folder);
    const usable = items.filter(item => !item.fault);
    expect(usable.map(({ path, caption, width, height }) => ({ path, caption, width, height }))).toEqual(
      scan.pictures.map(({ path, caption, width, height }) => ({ path, caption, width, height })),
    );
    expect(pictures).toBe(scan.pictures.length);
    expect(
      Object.fromEntries(items.flatMap(({ name, fault: why }) => (why ? [[name, why.code]] : []))),
    ).toEqual({
      'broken.png': 'PICTURE_BROKEN',
      'text.jpg': 'PICTURE_NOT_A_PICTURE',
      'phone.heic': 'PICTURE_FORMAT_UNSUPPORTED',
    });
  });

  it('sees what changed on disk, and reads nothing else again', async () => {
    await datasets.create('cats');
    await add('cats', 'a.png', stripes(64, 64, 1));
    expect((await datasets.get('cats')).items[0].caption).toBe('');
    writeFileSync(join(data.datasets, 'cats', 'a.txt'), 'by hand');
    writeFileSync(join(data.datasets, 'cats', 'b.png'), stripes(96, 64, 2));
    const { items } = await datasets.get('cats');
    expect(items.map(({ name, caption, width }) => [name, caption, width])).toEqual([
      ['a.png', 'by hand', 64],
      ['b.png', '', 96],
    ]);
    rmSync(join(data.datasets, 'cats', 'a.png'));
    expect((await datasets.get('cats')).items.map(({ name }) => name)).toEqual(['b.png']);
  });

  it('a damaged cache is made anew', async () => {
    await datasets.create('cats');
    await add('cats', 'a.png', stripes(64, 64, 1));
    await datasets.get('cats');
    datasets.close();
    opened.pop();
    writeFileSync(
      join(data.cache, 'dataset-facts.sqlite'),
      'this is no database at all, whatever it is called',
    );
    datasets = openDatasets(data);
    opened.push(datasets);
    expect((await datasets.get('cats')).items).toHaveLength(1);
  });
});

describe('names', () => {
  it('no form of a traversal leads anywhere', async () => {
    for (const { form } of traversalForms) {
      expect(() => findDataset(data, form), form).toThrow(fault('DATASET_UNKNOWN'));
      expect(() => findDataset(data, `example:${form}`), form).toThrow(fault('DATASET_UNKNOWN'));
      await expect(datasets.create(form), form).rejects.toThrow(fault('DATASET_NAME'));
    }
    expect(readdirSync(data.datasets)).toEqual([]);
  });

  it('letters of every language, no devices, nothing twice', async () => {
    for (const name of ['Katzen ä', '猫', 'हिन्दी', 'a.b-c d'])
      expect((await datasets.create(name)).id).toBe(name.normalize('NFC'));
    await expect(datasets.create('KATZEN Ä')).rejects.toThrow(fault('DATASET_EXISTS'));
    await expect(datasets.create('con')).rejects.toThrow(fault('DATASET_NAME'));
    await expect(datasets.create('cat.')).rejects.toThrow(fault('DATASET_NAME'));
  });

  it('a link out of the data folder is no data set', async () => {
    const outside = temporaryFolder();
    symlinkSync(outside, join(data.datasets, 'link'));
    expect(() => findDataset(data, 'link')).toThrow(fault('DATASET_UNKNOWN'));
  });

  it.each([
    ['../../evil.png', 'evil.png'],
    ['..\\..\\evil.png', 'evil.png'],
    ['CON.png', '_CON.png'],
    ['😀 smile.png', '😀 smile.png'],
    ['.hidden.png', 'hidden.png'],
    ['a<b>|c?.PNG', 'a-b-c-.png'],
    ['a\u202egnp.png', 'a-gnp.png'],
    ['%2e%2e%2fx.png', '2e-2e-2fx.png'],
    [`${'ä'.repeat(300)}.png`, `${'ä'.repeat(60)}.png`],
  ])('an upload called %s becomes %s', async (given, kept) => {
    await datasets.create('set');
    expect((await add('set', given, stripes(64, 64, 1)))?.name).toBe(kept);
    expect(namesIn('set')).toEqual([kept]);
  });
});

describe('adding', () => {
  beforeEach(() => datasets.create('set'));

  it('keeps pictures apart whose captions would be one file', async () => {
    const names = [];
    for (const [name, seed] of [
      ['a.png', 1],
      ['a.jpg', 2],
      ['A.png', 3],
      ['a.png', 4],
      ['a.png', 1],
    ] as const)
      names.push((await add('set', name, stripes(64, 64, seed)))?.name);
    expect(names).toEqual([
      'a.png',
      'a-2.jpg',
      process.platform === 'linux' ? 'A.png' : 'A-2.png',
      'a-3.png',
      'a.png',
    ]);
  });

  it.each([
    ['a.svg', '<svg/>', 'UPLOAD_TYPE'],
    ['a.exe', 'MZ', 'UPLOAD_TYPE'],
    ['a', 'x', 'UPLOAD_TYPE'],
    ['a.png', '', 'PICTURE_BROKEN'],
    ['a.png', '<svg xmlns="http://www.w3.org/2000/svg"/>', 'PICTURE_NOT_A_PICTURE'],
    ['a.png', stripes(640, 640, 1).subarray(0, 300), 'PICTURE_BROKEN'],
    ['a.png', stripes(8, 8, 1), 'PICTURE_TOO_SMALL'],
    ['a.txt', 'a\0b', 'CAPTION_BINARY'],
    ['a.txt', 'x'.repeat(70_000), 'UPLOAD_TOO_LARGE'],
  ])('a wrong upload, %#', async (name, bytes, code) => {
    await expect(add('set', name, bytes)).rejects.toThrow(fault(code));
    expect(namesIn('set')).toEqual([]);
    if (existsSync(join(data.datasets, '.incoming')))
      expect(readdirSync(join(data.datasets, '.incoming'))).toEqual([]);
  });

  it('half an upload leaves nothing', async () => {
    async function* half() {
      yield stripes(64, 64, 1).subarray(0, 50);
      throw new Error('aborted');
    }
    await expect(datasets.add('set', 'a.png', Readable.from(half()))).rejects.toThrow(
      fault('UPLOAD_BROKEN_OFF'),
    );
    expect(namesIn('set')).toEqual([]);
    expect(readdirSync(join(data.datasets, '.incoming'))).toEqual([]);
  });

  it('what a killed process was receiving goes when the next one begins', async () => {
    mkdirSync(join(data.datasets, '.incoming'), { recursive: true });
    writeFileSync(join(data.datasets, '.incoming', 'deadbeef.part'), 'half');
    const next = openDatasets(data);
    opened.push(next);
    await next.add('set', 'a.png', Readable.from([stripes(64, 64, 1)]));
    expect(readdirSync(join(data.datasets, '.incoming'))).toEqual([]);
  });

  it('a folder that cannot be written is told as such', async () => {
    if (process.getuid?.() === 0 || process.platform === 'win32') return; // everything is open to root
    chmodSync(join(data.datasets, 'set'), 0o500);
    await expect(add('set', 'a.png', stripes(64, 64, 1))).rejects.toThrow(fault('DATA_READ_ONLY'));
    chmodSync(join(data.datasets, 'set'), 0o700);
  });

  it('captions come before or after their pictures, and are not replaced', async () => {
    expect(await add('set', 'a.txt', 'a caption')).toBeUndefined();
    expect(await add('set', 'a.png', stripes(64, 64, 1))).toMatchObject({
      caption: 'a caption',
      captionSource: 'txt',
    });
    await expect(add('set', 'a.txt', 'another')).rejects.toThrow(fault('CAPTION_EXISTS'));
    await add('set', 'b.png', stripes(64, 64, 2));
    expect(await add('set', 'b.txt', 'late')).toMatchObject({ name: 'b.png', caption: 'late' });
  });

  it('many at once all arrive', async () => {
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => add('set', `same ${i % 4}.png`, stripes(64, 64, i))),
    );
    expect(namesIn('set')).toHaveLength(40);
    expect((await datasets.get('set')).items).toHaveLength(40);
  });
});

describe('captions', () => {
  beforeEach(async () => {
    await datasets.create('set', 'example:zorbi-character');
  });

  it('are shown before they are written, and taken back byte for byte', async () => {
    const before = readFileSync(join(data.datasets, 'set', '01.txt'));
    const shown = await datasets.editCaptions('set', { add: ['mascot'], addLast: true }, false);
    expect(shown.written).toBe(false);
    expect(shown.changes).toHaveLength(20);
    expect(readFileSync(join(data.datasets, 'set', '01.txt'))).toEqual(before);
    const written = await datasets.editCaptions('set', { add: ['mascot'], addLast: true }, true);
    expect(written.changes).toEqual(shown.changes);
    const { items, canUndo } = await datasets.get('set');
    expect(canUndo).toBe(true);
    expect(items.every(({ caption }) => caption.endsWith(', mascot'))).toBe(true);
    const undone = await datasets.undoCaptions('set');
    expect(undone.changes.map(({ id, after }) => [id, after])).toEqual(
      shown.changes.map(({ id, before: text }) => [id, text]),
    );
    expect(readFileSync(join(data.datasets, 'set', '01.txt'))).toEqual(before);
    await expect(datasets.undoCaptions('set')).rejects.toThrow(fault('CAPTION_NOTHING_TO_UNDO'));
  });

  it('of some pictures only; one as a whole, whatever signs are in it', async () => {
    const { items } = await datasets.get('set');
    const only = [items[2].id, items[5].id];
    const { changes } = await datasets.editCaptions(
      'set',
      { replace: [{ from: 'zorbi', to: 'zorb' }], only },
      true,
    );
    expect(changes.map(({ id }) => id).sort()).toEqual([...only].sort());
    const text = 'a {red|blue} zorbi => $& {caption}';
    expect((await datasets.setCaption('set', items[0].id, text)).caption).toBe(text);
    expect((await datasets.setCaption('set', items[0].id, '')).caption).toBe('');
    await expect(datasets.setCaption('set', '0123456789abcdef', 'x')).rejects.toThrow(
      fault('PICTURE_UNKNOWN'),
    );
  });

  it.each([
    [{}, 'CAPTION_RULE'],
    [{ set: 'a', add: ['b'] }, 'CAPTION_RULE'],
    [{ replace: [{ from: 'a=>b', to: 'c' }] }, 'CAPTION_RULE'],
    [{ replace: [{ from: '/(/', to: 'c' }] }, 'CAPTION_RULE'],
  ])('%j is refused', async (edit, code) => {
    await expect(datasets.editCaptions('set', edit, true)).rejects.toThrow(fault(code));
  });

  it('many single ones, one after another, are all written', async () => {
    const { items } = await datasets.get('set');
    await Promise.all(items.map(({ id }, i) => datasets.setCaption('set', id, `caption ${i}`)));
    expect((await datasets.get('set')).items.map(({ caption }) => caption)).toEqual(
      items.map((_, i) => `caption ${i}`),
    );
  });

  it('examples stay as they are', async () => {
    const id = 'example:zorbi-character';
    await expect(datasets.editCaptions(id, { add: ['x'] }, true)).rejects.toThrow(fault('DATASET_PROTECTED'));
    await expect(add(id, 'a.png', stripes(64, 64, 1))).rejects.toThrow(fault('DATASET_PROTECTED'));
    await expect(datasets.remove(id)).rejects.toThrow(fault('DATASET_PROTECTED'));
  });
});

describe('taking away', () => {
  it('sets own sets and pictures aside, until they are swept', async () => {
    await datasets.create('set', 'example:zorbi-character');
    const { items } = await datasets.get('set');
    await datasets.removePicture('set', items[0].id);
    expect((await datasets.get('set')).items).toHaveLength(19);
    const [aside] = readdirSync(join(data.datasets, 'set', '.removed'));
    expect(readdirSync(join(data.datasets, 'set', '.removed', aside)).sort()).toEqual(['01.png', '01.txt']);
    await datasets.remove('set');
    expect(() => findDataset(data, 'set')).toThrow(fault('DATASET_UNKNOWN'));
    expect(readdirSync(join(data.datasets, '.removed'))).toHaveLength(1);
    await datasets.sweep(1);
    expect(readdirSync(join(data.datasets, '.removed'))).toHaveLength(1);
    await new Promise(resolve => setTimeout(resolve, 1100)); // names say whole seconds
    await datasets.sweep(0);
    expect(readdirSync(join(data.datasets, '.removed'))).toEqual([]);
  });

  it('only forgets folders of the user, in which nothing but captions is changed', async () => {
    const folder = pictureFolder(3);
    const before = readdirSync(folder).sort();
    const { id, origin } = await datasets.addFolder(folder);
    expect(origin).toBe('folder');
    await expect(datasets.addFolder(`${folder}/`)).rejects.toThrow(fault('FOLDER_KNOWN'));
    await expect(datasets.addFolder(data.datasets)).rejects.toThrow(fault('FOLDER_KNOWN'));
    await expect(datasets.addFolder(join(folder, 'none'))).rejects.toThrow(fault('FOLDER_NOT_FOUND'));
    await expect(add(id, 'a.png', stripes(64, 64, 1))).rejects.toThrow(fault('DATASET_PROTECTED'));
    const { items } = await datasets.get(id);
    await expect(datasets.removePicture(id, items[0].id)).rejects.toThrow(fault('DATASET_PROTECTED'));
    await datasets.setCaption(id, items[0].id, 'edited');
    expect(readFileSync(join(folder, '0.txt'), 'utf8')).toBe('edited\n');
    await datasets.remove(id);
    expect(
      readdirSync(folder)
        .filter(name => name !== '.lora-captions')
        .sort(),
    ).toEqual(before);
    expect((await datasets.list()).some(one => one.id === id)).toBe(false);
  });

  it('a folder whose drive is away stays in the list', async () => {
    const folder = pictureFolder(2);
    const { id } = await datasets.addFolder(folder);
    rmSync(folder, { recursive: true });
    expect((await datasets.list()).find(one => one.id === id)?.fault?.code).toBe('DATASET_MISSING');
    await expect(datasets.get(id)).rejects.toThrow(fault('DATASET_MISSING'));
    await datasets.remove(id);
    expect((await datasets.list()).some(one => one.id === id)).toBe(false);
  });
});
