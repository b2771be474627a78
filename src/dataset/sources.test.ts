import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { type PictureRules, plainRules } from './picture-rules.ts';
import { type ScanOptions, scanDataset } from './scan.ts';
import type { PictureSource } from './source-files.ts';

const plain = (width: number, height: number, background = '#804020'): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();
const png = await plain(40, 20);
const other = await plain(40, 20, '#102030');

function dataset(files: Record<string, string | Uint8Array>): string {
  const root = mkdtempSync(join(tmpdir(), 'lora-sources-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

/** A whole PNG of one bit a pixel: small in the file, large in memory. */
function blackPng(side: number): Buffer {
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const [length, end] = [Buffer.alloc(4), Buffer.alloc(4)];
    const body = Buffer.concat([Buffer.from(type), data]);
    length.writeUInt32BE(data.length);
    end.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, end]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header[8] = 1;
  const rows = deflateSync(Buffer.alloc(side * (1 + side / 8)));
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', rows),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const scan = (
  folder: string,
  rules: Partial<PictureRules> = {},
  source: Partial<PictureSource> = {},
  options: ScanOptions = {},
) => scanDataset([{ folder, rules: { ...plainRules, ...rules }, ...source }], options);

const codes = (findings: readonly { code: string; path?: string }[]): string[] =>
  findings.map(({ code, path }) => `${code} ${basename(path ?? '')}`).sort();

const captionsOf = ({ pictures }: Awaited<ReturnType<typeof scan>>): string[][] =>
  pictures.map(({ path, caption, captionSource }) => [basename(path), caption, captionSource]);

describe('captions', () => {
  test('Hugging Face’s metadata.jsonl, in its own folder; a caption file wins, and the conflict is told', async () => {
    const root = dataset({
      'a.png': png,
      'b.png': other,
      'b.txt': 'by hand',
      'deep/c.png': await plain(30, 30),
      'metadata.jsonl': [
        '{"file_name": "a.png", "text": "a hat"}',
        '{"file_name": "b.png", "text": "from the list"}',
        '',
        '{"file_name": "deep/c.png", "caption": "a tree", "tags": ["x", "y"]}',
        '{"file_name": "lost.png", "text": "nothing"}',
      ].join('\n'),
    });
    const found = await scan(root, {}, {}, { trigger: 'zork' });
    expect(captionsOf(found)).toEqual([
      ['a.png', 'zork, a hat', 'metadata'],
      ['b.png', 'zork, by hand', 'txt'],
      ['c.png', 'zork, a tree,x, y', 'metadata'],
    ]);
    expect(codes(found.warnings)).toEqual([
      'CAPTION_TWO_FILES b.png',
      'METADATA_WITHOUT_PICTURE metadata.jsonl',
    ]);
    expect(found.ignored).toEqual([]);
  });

  test('sd-scripts’ JSON, by whole path, by name with and without extension; tags after the caption', async () => {
    const root = dataset({ 'a.png': png, 'b.png': other, 'c.png': await plain(30, 30) });
    const metadata = {
      [join(root, 'a.png')]: { caption: 'a hat', tags: 'red, blue' },
      b: { caption: 'a tree' },
      'c.png': { tags: 'x, y' },
    };
    writeFileSync(join(root, 'meta_cap.json'), JSON.stringify(metadata));
    expect(captionsOf(await scan(root))).toEqual([
      ['a.png', 'a hat,red, blue', 'metadata'],
      ['b.png', 'a tree', 'metadata'],
      ['c.png', 'x, y', 'metadata'],
    ]);
  });

  test('a picture’s own JSON file; other JSON files are not captions', async () => {
    const root = dataset({
      'a.png': png,
      'a.json': '{"caption": "a hat", "rating": 3}',
      'b.png': other,
      'b.json': '{"nodes": []}',
      'workflow.json': '{"nodes": []}',
    });
    const found = await scan(root, {}, {}, { caption: 'given' });
    expect(captionsOf(found)).toEqual([
      ['a.png', 'a hat', 'json'],
      ['b.png', 'given', 'given'],
    ]);
    expect(codes(found.warnings)).toEqual(['CAPTION_FALLBACK b.png', 'CAPTION_JSON_WITHOUT b.json']);
    expect(found.ignored.map(path => basename(path))).toEqual(['workflow.json']);
  });

  test('several lines: the first and a warning; with wildcards all of them, the trigger in each', async () => {
    const root = dataset({
      'a.png': png,
      'a.txt': '\r\none\r\n\r\n two  2 \n',
      'b.png': other,
      'b.txt': 'one',
    });
    const first = await scan(root);
    expect(captionsOf(first).map(([, text]) => text)).toEqual(['one', 'one']);
    expect(codes(first.warnings)).toEqual(['CAPTION_MANY_LINES a.txt']);
    const all = await scan(root, { wildcards: true }, {}, { trigger: 'zork' });
    expect(captionsOf(all).map(([, text]) => text)).toEqual(['zork, one\nzork, two 2', 'zork, one']);
    expect(all.warnings).toEqual([]);
  });

  test('file names, in any script', async () => {
    const names = [
      'red_hat.png',
      '赤い帽子.png',
      'красная_шляпа.png',
      'cafe\u0301 ☕.png',
      "it's 100% #1.png",
    ];
    const files: Record<string, Uint8Array> = {};
    for (const [i, name] of names.entries()) files[name] = await plain(20 + i, 20);
    const root = dataset(files);
    // Another system writes é as one character.
    writeFileSync(join(root, 'metadata.jsonl'), '{"file_name": "caf\u00e9 ☕.png", "text": "coffee"}\n');
    const found = await scan(root, {}, {}, { captionFromFileName: true });
    expect(new Set(captionsOf(found).map(([, text]) => text))).toEqual(
      new Set(['red hat', '赤い帽子', 'красная шляпа', 'coffee', "it's 100% #1"]),
    );
    expect(found.warnings).toEqual([]);
  });

  test('two pictures with one caption file are told; a broken line of metadata is an error that names it', async () => {
    const shared = await scan(
      dataset({ 'a.png': png, 'a.jpg': await sharp(other).jpeg().toBuffer(), 'a.txt': 'x' }),
    );
    expect(codes(shared.warnings)).toEqual(['CAPTION_SHARED a.txt']);
    const broken = dataset({ 'a.png': png, 'metadata.jsonl': '{"file_name": "a.png"}\n{"file_name": 3}\n' });
    await expect(scan(broken)).rejects.toMatchObject({
      code: 'METADATA_INVALID',
      message: expect.stringMatching(/metadata\.jsonl, line 2: file_name/),
    });
    const text = dataset({ 'a.png': png, 'metadata.jsonl': 'file_name,text\na.png,hat\n' });
    await expect(scan(text)).rejects.toMatchObject({ code: 'METADATA_INVALID', exit: 'badInput' });
  });
});

describe('sources', () => {
  test('several folders, each with its rules and repeats; what is in two of them counts once', async () => {
    const root = dataset({
      'x/a.png': png,
      'x/a.txt': 'x',
      'y/5_cat/b.png': other,
      'y/c.png': await plain(30, 30),
    });
    const found = await scanDataset(
      [
        { folder: join(root, 'y'), rules: { ...plainRules, flip: true } },
        { folder: root, rules: plainRules, repeats: 3 },
      ],
      { caption: 'given' },
    );
    const rows = found.pictures.map(({ path, repeats, rules, folder }) => [
      ...[path.slice(root.length + 1), repeats, rules.flip, folder === root],
    ]);
    expect(rows).toEqual([
      ['y/5_cat/b.png', 5, true, false],
      ['y/c.png', 1, true, false],
      ['x/a.png', 3, false, true],
    ]);
    expect(codes(found.skipped)).toEqual(['PICTURE_SEEN b.png', 'PICTURE_SEEN c.png']);
  });

  test('a folder of a data set file: its name says nothing, what is below it is told, other endings are read', async () => {
    const root = dataset({ '5_cat/a.png': png, '5_cat/a.tags': 'hat', '5_cat/deep/b.png': other });
    const folder = join(root, '5_cat');
    const found = await scan(folder, {}, { isFlat: true, repeats: 2, captionEndings: ['.tags'] });
    expect(found.pictures).toHaveLength(1);
    expect(found.pictures[0]).toMatchObject({ caption: 'hat', captionSource: 'file', repeats: 2 });
    expect(codes(found.warnings)).toEqual(['DATASET_ONE_PICTURE a.png', 'FOLDER_NOT_READ deep']);
  });

  test('a metadata file decides which pictures there are', async () => {
    const root = dataset({ 'in/a.png': png, 'in/b.png': other });
    const metadataFile = join(root, 'list.json');
    writeFileSync(metadataFile, JSON.stringify({ 'a.png': { caption: 'hat' }, gone: { caption: 'x' } }));
    const found = await scan(join(root, 'in'), {}, { isFlat: true, metadataFile, repeats: 4 });
    expect(captionsOf(found)).toEqual([['a.png', 'hat', 'metadata']]);
    expect(codes(found.skipped)).toEqual(['PICTURE_MISSING gone']);
  });

  test('regularisation pictures take neither trigger nor given caption, and are as many as the others', async () => {
    const root = dataset({
      'x/4_zork/a.png': png,
      'reg/1_dog/b.png': other,
      'reg/1_dog/c.png': await plain(30, 30),
    });
    const found = await scanDataset(
      [
        { folder: join(root, 'x'), rules: plainRules },
        { folder: join(root, 'reg'), rules: { ...plainRules, isRegularisation: true } },
      ],
      { trigger: 'zork', caption: 'a zork dog' },
    );
    expect(found.pictures.map(({ caption, repeats }) => [caption, repeats])).toEqual([
      ['a zork dog', 4],
      ['dog', 2],
      ['dog', 2],
    ]);
    const only = scanDataset([
      { folder: join(root, 'reg'), rules: { ...plainRules, isRegularisation: true } },
    ]);
    await expect(only).rejects.toMatchObject({ code: 'DATASET_ONLY_REGULARISATION' });
  });

  test('an empty folder among others is an error, and so is none', async () => {
    const root = dataset({ 'x/a.png': png, 'y/notes.md': '' });
    const sources = ['x', 'y'].map(name => ({ folder: join(root, name), rules: plainRules }));
    await expect(scanDataset(sources)).rejects.toMatchObject({ code: 'DATASET_EMPTY', exit: 'badInput' });
    await expect(scanDataset([])).rejects.toMatchObject({ code: 'DATASET_NO_SOURCE', exit: 'usage' });
  });
});

describe('masks', () => {
  const files = {
    'a.png': png,
    'mask/a.png': other,
    'b.png': other,
    'b-masklabel.png': png,
    'c.png': png,
    'c-mask.png': png,
    'd.png': png,
    // Not masks: there is no picture of that name.
    'green-mask.png': png,
  };

  test('are found by their names and are no pictures; a missing one is told', async () => {
    const root = dataset(files);
    const found = await scan(root, { mask: 'files' }, {}, { caption: 'x' });
    const rows = found.pictures.map(({ path, mask }) => [basename(path), mask?.path.slice(root.length + 1)]);
    expect(rows).toEqual([
      ['a.png', 'mask/a.png'],
      ['b.png', 'b-masklabel.png'],
      ['c.png', 'c-mask.png'],
      ['d.png', undefined],
      ['green-mask.png', undefined],
    ]);
    const missing = found.warnings.filter(({ code }) => code === 'MASK_MISSING');
    expect(codes(missing)).toEqual(['MASK_MISSING d.png', 'MASK_MISSING green-mask.png']);
  });

  test('that were not asked for are left out, with a word', async () => {
    const found = await scan(dataset(files), {}, {}, { caption: 'x' });
    expect(found.pictures).toHaveLength(5);
    expect(codes(found.skipped)).toEqual([
      'PICTURE_IS_MASK a.png',
      'PICTURE_IS_MASK b-masklabel.png',
      'PICTURE_IS_MASK c-mask.png',
    ]);
  });

  test('of another shape, and broken ones, are errors; those of a folder are found by name', async () => {
    const tall = dataset({ 'a.png': png, 'a-mask.png': await plain(40, 40) });
    await expect(scan(tall, { mask: 'files' })).rejects.toMatchObject({
      code: 'MASK_SHAPE',
      message: expect.stringMatching(/40x40.*40x20/),
    });
    const broken = dataset({ 'a.png': png, 'a-mask.png': 'text' });
    await expect(scan(broken, { mask: 'files' })).rejects.toMatchObject({ code: 'MASK_BROKEN' });
    const root = dataset({
      'x/a.png': png,
      'masks/a.jpg': await sharp(png).jpeg().toBuffer(),
      'masks/z.png': png,
    });
    const rules = { mask: 'files' as const, maskFolder: join(root, 'masks') };
    const found = await scan(join(root, 'x'), rules, { isFlat: true });
    expect(found.pictures[0].mask?.path).toBe(join(root, 'masks/a.jpg'));
    expect(codes(found.warnings)).toContain('MASK_WITHOUT_PICTURE z.png');
  });

  test('alpha: a picture without transparency is told', async () => {
    const alpha = await sharp({ create: { width: 40, height: 20, channels: 4, background: '#80402080' } })
      .png()
      .toBuffer();
    const found = await scan(
      dataset({ 'a.png': alpha, 'b.png': png }),
      { mask: 'alpha' },
      {},
      { caption: 'x' },
    );
    expect(codes(found.warnings)).toEqual(['MASK_MISSING b.png']);
  });
});

describe('files that are no pictures', () => {
  test('a real bomb, cut files of every format, and links that lead nowhere are left out with a reason', async () => {
    const bomb = blackPng(30_000);
    expect(bomb.length).toBeLessThan(200_000);
    const large = sharp(await plain(200, 100));
    const cut = async (name: 'jpeg' | 'webp' | 'tiff' | 'gif' | 'avif'): Promise<Buffer> => {
      const whole = await large.clone().toFormat(name).toBuffer();
      return whole.subarray(0, Math.floor(whole.length / 2));
    };
    const bmp = Buffer.alloc(60);
    bmp.write('BM');
    bmp.writeUInt32LE(54, 10);
    bmp.writeUInt32LE(40, 14);
    bmp.writeInt32LE(100, 18);
    bmp.writeInt32LE(100, 22);
    bmp.writeUInt16LE(24, 28);
    const packed = Buffer.from(bmp);
    packed.writeUInt32LE(1, 30);
    packed.writeUInt16LE(8, 28);
    const root = dataset({
      ...{
        'good.png': png,
        'bomb.png': bomb,
        'cut.bmp': bmp,
        'packed.bmp': packed,
        'tiny.png': await plain(1, 1),
      },
      ...{ 'cut.jpg': await cut('jpeg'), 'cut.webp': await cut('webp'), 'cut.tif': await cut('tiff') },
      ...{ 'cut.gif': await cut('gif'), 'cut.avif': await cut('avif') },
    });
    symlinkSync(join(root, 'nowhere.png'), join(root, 'link.png'));
    const { pictures, skipped } = await scan(root, {}, {}, { caption: 'x' });
    expect(pictures.map(({ path }) => basename(path))).toEqual(['good.png']);
    expect(codes(skipped)).toEqual([
      'FILE_UNREADABLE link.png',
      ...['cut.avif', 'cut.bmp', 'cut.gif', 'cut.jpg', 'cut.tif', 'cut.webp'].map(
        name => `PICTURE_BROKEN ${name}`,
      ),
      'PICTURE_BROKEN packed.bmp',
      'PICTURE_TOO_LARGE bomb.png',
      'PICTURE_TOO_SMALL tiny.png',
    ]);
  });
});
