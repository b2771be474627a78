import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodeCaption, withTrigger } from './captions.ts';
import type { DatasetWarning } from './findings.ts';
import { scanFolder } from './scan.ts';

let png: Buffer;
beforeAll(async () => {
  png = await plain(40, 20);
});

const plain = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: '#804020' } })
    .png()
    .toBuffer();

/** A data set of these files; a name that ends in `/` is a folder. */
function dataset(files: Record<string, string | Uint8Array>): string {
  const root = mkdtempSync(join(tmpdir(), 'lora-scan-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

const codes = (findings: readonly { code: string; path?: string }[]): string[] =>
  findings.map(({ code, path }) => `${code} ${basename(path ?? '')}`).sort();

describe('captions', () => {
  test('.txt beats .caption, the folder name and --caption; the trigger word comes in front once', async () => {
    const root = dataset({
      'a.png': png,
      'a.txt': ' \n a  zork \n on grass ',
      'b.png': png,
      'b.png.TXT': 'by full name',
      'c.png': png,
      '10_zork cat/d.png': png,
      '10_zork cat/e.png': png,
      '10_zork cat/e.caption': 'from caption file',
    });
    const { pictures } = await scanFolder(root, { caption: 'given', trigger: 'zork' });
    const rows = pictures.map(({ path, caption, captionSource, repeats }) => [
      basename(path),
      caption,
      captionSource,
      repeats,
    ]);
    expect(rows).toEqual([
      ['d.png', 'zork, given', 'given', 10],
      ['e.png', 'zork, from caption file', 'caption', 10],
      ['a.png', 'a zork', 'txt', 1],
      ['b.png', 'zork, by full name', 'txt', 1],
      ['c.png', 'zork, given', 'given', 1],
    ]);
    const withoutGiven = await scanFolder(root);
    expect(withoutGiven.pictures[0]).toMatchObject({ caption: 'zork cat', captionSource: 'folder' });
    expect(codes(withoutGiven.warnings)).toContain('CAPTION_MISSING c.png');
  });

  test('UTF-8 with and without a mark, UTF-16, and Latin text in windows-1252 with a warning', () => {
    const read = (bytes: number[] | Uint8Array): [string, string[]] => {
      const warnings: DatasetWarning[] = [];
      const text = decodeCaption(Uint8Array.from(bytes), 'a.txt', warnings);
      return [text, warnings.map(({ code }) => code)];
    };
    expect(read(Buffer.from('café'))).toEqual(['café', []]);
    expect(read([0xef, 0xbb, 0xbf, 0x61])).toEqual(['a', []]);
    expect(read([0xff, 0xfe, 0x61, 0, 0xe9, 0])).toEqual(['aé', []]);
    expect(read([0xfe, 0xff, 0, 0x61, 0, 0xe9])).toEqual(['aé', []]);
    expect(read([0x63, 0x61, 0x66, 0xe9, 0x93])).toEqual(['café“', ['CAPTION_NOT_UTF8']]);
    expect(() => read([0x61, 0, 0x62])).toThrow(expect.objectContaining({ code: 'CAPTION_BINARY' }));
    expect(() => read([0xff, 0xfe, 0x61])).toThrow(expect.objectContaining({ code: 'CAPTION_ENCODING' }));
  });

  test.each([
    ['', 'zork', 'zork'],
    ['a cat', 'zork', 'zork, a cat'],
    ['a Zork, smiling', 'zork', 'a Zork, smiling'],
    ['zorks', 'zork', 'zork, zorks'],
    ['(zork:1.2)', 'zork', '(zork:1.2)'],
    ['a cat', ' ', 'a cat'],
  ])('%j with trigger %j is %j', (caption, trigger, expected) => {
    expect(withTrigger(caption, trigger)).toBe(expected);
  });

  test('an empty one falls back with a warning; one without a picture, and one too large, are said', async () => {
    const root = dataset({ 'a.png': png, 'a.txt': '  \n', 'lost.txt': 'x', 'b.png': await plain(30, 30) });
    const { pictures, warnings } = await scanFolder(root);
    expect(pictures.map(({ caption }) => caption)).toEqual(['', '']);
    expect(codes(warnings)).toEqual([
      'CAPTION_EMPTY a.txt',
      'CAPTION_FALLBACK a.png',
      'CAPTION_MISSING b.png',
      'CAPTION_WITHOUT_PICTURE lost.txt',
    ]);
    const large = dataset({ 'a.png': png, 'a.txt': 'x'.repeat(70_000) });
    await expect(scanFolder(large)).rejects.toMatchObject({ code: 'CAPTION_TOO_LARGE', exit: 'badInput' });
  });
});

describe('pictures', () => {
  test('what cannot be used is left out with a reason each; every file is accounted for', async () => {
    const root = dataset({
      'good.png': png,
      'cut.png': png.subarray(0, 60),
      'empty.png': '',
      'text.jpg': 'not a picture',
      'dot.png': await plain(1, 1),
      'svg.png': '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>',
      'photo.heic': 'x',
      'notes.md': 'x',
      '.hidden.png': png,
      '0_none/a.png': png,
    });
    const scan = await scanFolder(root, { caption: 'a' });
    expect(scan.pictures.map(({ path }) => basename(path))).toEqual(['good.png']);
    expect(codes(scan.skipped)).toEqual([
      'PICTURE_BROKEN cut.png',
      'PICTURE_BROKEN empty.png',
      'PICTURE_FORMAT_UNSUPPORTED photo.heic',
      'PICTURE_NOT_A_PICTURE svg.png',
      'PICTURE_NOT_A_PICTURE text.jpg',
      'PICTURE_NO_REPEATS a.png',
      'PICTURE_TOO_SMALL dot.png',
    ]);
    expect(scan.ignored.map(path => basename(path)).sort()).toEqual(['.hidden.png', 'notes.md']);
    expect(codes(scan.warnings)).toEqual(['DATASET_ONE_PICTURE good.png']);
  });

  test('a huge one is refused by its header, before it is decoded', async () => {
    // A PNG header that claims 30000 × 30000 pixels.
    const huge = Buffer.from(png);
    huge.writeUInt32BE(30_000, 16);
    huge.writeUInt32BE(30_000, 20);
    huge.writeUInt32BE(crc32(huge.subarray(12, 29)), 29);
    const root = dataset({ 'huge.png': huge });
    const refused = scanFolder(root);
    await expect(refused).rejects.toMatchObject({ code: 'DATASET_NO_READABLE', exit: 'badInput' });
    await expect(refused).rejects.toThrow(/900 megapixels/);
  });

  test('sizes are those after EXIF rotation', async () => {
    const turned = await sharp(png).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const { pictures } = await scanFolder(dataset({ 'a.jpg': turned, 'b.png': png }), { caption: 'a' });
    expect(pictures.map(({ width, height }) => [width, height])).toEqual([
      [20, 40],
      [40, 20],
    ]);
  });

  test('twins are said, links are followed once, and the order is that of the paths', async () => {
    const root = dataset({ 'b/1.png': png, 'a/1.png': png, 'a/1.txt': 'x', 'b/1.txt': 'x' });
    symlinkSync(root, join(root, 'c'));
    const { pictures, skipped, warnings } = await scanFolder(root);
    expect(pictures.map(({ path }) => path.slice(root.length + 1))).toEqual([
      join('a', '1.png'),
      join('b', '1.png'),
    ]);
    expect(codes(skipped)).toEqual(['FOLDER_SEEN c']);
    expect(codes(warnings)).toEqual(['DATASET_DUPLICATE 1.png']);
  });

  test('no folder, a file, no picture', async () => {
    const root = dataset({ 'a.txt': 'x' });
    await expect(scanFolder(join(root, 'no'))).rejects.toMatchObject({ code: 'DATASET_NO_FOLDER' });
    await expect(scanFolder(join(root, 'a.txt'))).rejects.toMatchObject({ code: 'DATASET_NO_FOLDER' });
    await expect(scanFolder(root)).rejects.toMatchObject({ code: 'DATASET_EMPTY', exit: 'badInput' });
  });

  test('a cancelled scan stops', async () => {
    const scan = scanFolder(dataset({ 'a.png': png }), { signal: AbortSignal.abort() });
    await expect(scan).rejects.toMatchObject({ name: 'AbortError' });
  });
});
