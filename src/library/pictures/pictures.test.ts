/** The history, uploads and served pictures on real files: files are the truth, nothing of a stranger's is served as it came. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import sharp from 'sharp';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { drawnPicture, stripes, temporaryFolder } from '../../../test/support/studio-pictures.ts';
import { encodePng } from '../../files/index.ts';
import { type DataFolder, dataFolderAt, makeDataFolders } from '../../workbench/index.ts';
import { openPictures, type Pictures } from './pictures.ts';
import { servedBytes, servedPicture, sweepServed } from './served.ts';
import { openTurnstile } from './turns.ts';
import { keepUpload, saveUpload, uploadPath } from './uploads.ts';

let data: DataFolder;
let pictures: Pictures;
const opened: Pictures[] = [];
const made: string[] = [];

const open = (): Pictures => {
  const one = openPictures(data);
  opened.push(one);
  return one;
};
const fault = (code: string) => expect.objectContaining({ code });

beforeEach(() => {
  const folder = temporaryFolder();
  made.push(folder);
  data = dataFolderAt(folder);
  makeDataFolders(data);
});
afterAll(() => {
  for (const one of opened) one.close();
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** A picture of ours, with its settings in it. */
async function draw(place: string, prompt: string, seed: bigint, at: number): Promise<string> {
  const path = join(data.pictures, place);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, await drawnPicture({ prompt, seed }));
  utimesSync(path, at, at);
  return path;
}

describe('the history', () => {
  beforeEach(async () => {
    await draw('2026-01-01/a.png', 'a red fox in the snow', 1n, 1000);
    await draw('2026-01-02/b.png', 'a blue café', 2n ** 63n + 1n, 2000);
    await draw('2026-01-02/c.png', 'a fox at night', 3n, 3000);
    writeFileSync(join(data.pictures, '2026-01-02', 'plain.png'), stripes(32, 48, 1));
    utimesSync(join(data.pictures, '2026-01-02', 'plain.png'), 500, 500);
    writeFileSync(join(data.pictures, '2026-01-02', 'broken.png'), 'no picture');
    pictures = open();
    await pictures.refresh();
  });

  it('is newest first, with what pictures say of themselves', async () => {
    const { total, pictures: found } = await pictures.list();
    expect(total).toBe(4);
    expect(found.map(({ place }) => place)).toEqual([
      '2026-01-02/c.png',
      '2026-01-02/b.png',
      '2026-01-01/a.png',
      '2026-01-02/plain.png',
    ]);
    expect(found[1]).toMatchObject({
      prompt: 'a blue café',
      seed: '9223372036854775809',
      width: 64,
      height: 64,
    });
    expect(found[3]).toMatchObject({ prompt: '', seed: '', width: 32, height: 48 });
  });

  it.each([
    ['fox', 2],
    ['fo', 2],
    ['fox snow', 1],
    ['CAFE', 1],
    ['9223372036854775809', 1],
    ['whale', 0],
    ['"fox" OR 1=1; --', 0],
    ['*', 0],
    ['   ', 4],
    ['NEAR(fox', 0],
  ])('finds %j %i times', async (text, count) => {
    expect((await pictures.list({ text })).total).toBe(count);
  });

  it('keeps favourites and jobs when its index is lost', async () => {
    const [first] = (await pictures.list()).pictures;
    await pictures.setFavourite(first.id, true);
    await pictures.add('pictures/2026-01-01/a.png', 'job-12345678');
    pictures.close();
    opened.pop();
    writeFileSync(join(data.cache, 'history.sqlite'), 'not a database any more, but something else entirely');
    for (const end of ['-wal', '-shm']) rmSync(join(data.cache, `history.sqlite${end}`), { force: true });
    pictures = open();
    await pictures.refresh();
    expect((await pictures.list({ favourite: true })).pictures.map(({ id }) => id)).toEqual([first.id]);
    expect((await pictures.list({ favourite: false })).total).toBe(3);
    expect((await pictures.list({ jobId: 'job-12345678' })).pictures[0].place).toBe('2026-01-01/a.png');
  });

  it('follows files that come and go by themselves', async () => {
    const [{ id, place }] = (await pictures.list()).pictures;
    rmSync(join(data.pictures, place));
    await expect(pictures.get(id)).rejects.toThrow(fault('PICTURE_MISSING'));
    await expect(pictures.get(id)).rejects.toThrow(fault('PICTURE_UNKNOWN'));
    await draw('2026-01-03/d.png', 'a new whale', 4n, 4000);
    expect(await pictures.refresh()).toEqual({ added: 1, gone: 0 });
    expect((await pictures.list({ text: 'whale' })).total).toBe(1);
  });

  it('a list takes up what came and drops what went, and looks at nothing twice', async () => {
    const kept = join(data.pictures, '2026-01-01/a.png');
    writeFileSync(kept, stripes(16, 16, 1)); // it says nothing any more
    rmSync(join(data.pictures, '2026-01-02/c.png'));
    await draw('2026-01-03/d.png', 'a new whale', 4n, 4000);
    await draw('2026-01-03/e.png', 'another whale', 5n, 5000);
    await pictures.add('pictures/2026-01-03/e.png', 'job-12345678');
    await new Promise(resolve => setTimeout(resolve, 1100));
    const places = (await pictures.list()).pictures.map(({ place }) => place);
    expect(places.sort()).toEqual(
      ['2026-01-01/a.png', '2026-01-02/b.png', '2026-01-02/plain.png'].concat([
        '2026-01-03/d.png',
        '2026-01-03/e.png',
      ]),
    );
    expect((await pictures.list({ text: 'snow' })).total).toBe(1);
    await pictures.refresh();
    expect((await pictures.list({ text: 'snow' })).total).toBe(0);
  });

  it('removes into a folder that is swept, and old ones but for favourites', async () => {
    const [first, second, third] = (await pictures.list()).pictures;
    await pictures.remove(first.id);
    expect((await pictures.list()).total).toBe(3);
    expect(readdirSync(join(data.pictures, '.removed'))).toHaveLength(1);
    await pictures.setFavourite(second.id, true);
    expect(await pictures.sweep(0, 30)).toBe(0);
    expect(await pictures.sweep(7, 30)).toBe(2); // all are of 1970
    expect((await pictures.list()).pictures.map(({ id }) => id)).toEqual([second.id]);
    expect(existsSync(join(data.pictures, third.place))).toBe(false);
  });

  it('tells ids of its own files alone', () => {
    expect(pictures.idOf('pictures/2026-01-01/a.png')).toMatch(/^[0-9a-f]{16}$/);
    for (const other of ['loras/a.safetensors', '../x.png', 'jobs/1/files/a.png', 'pictures'])
      expect(pictures.idOf(other)).toBeUndefined();
  });
});

describe('uploads', () => {
  it('are PNG without anything else, upright, alpha kept', async () => {
    const turned = await sharp(stripes(64, 32, 1))
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const upload = await saveUpload(data, Readable.from([turned.subarray(0, 100), turned.subarray(100)]));
    expect(upload).toMatchObject({ width: 32, height: 64 });
    expect(upload.id).toMatch(/^[0-9a-f]{32}$/);
    const kept = readFileSync(uploadPath(data, upload.id));
    expect((await sharp(kept).metadata()).orientation).toBeUndefined();
    const mask = encodePng({ width: 2, height: 2, channels: 4, data: new Uint8Array(16).fill(128) });
    const { id } = await keepUpload(data, mask);
    expect((await sharp(readFileSync(uploadPath(data, id))).metadata()).hasAlpha).toBe(true);
    expect((await keepUpload(data, mask)).id).toBe(id);
  });

  const webp = async () =>
    sharp(Buffer.concat([stripes(16, 16, 1)]), {})
      .webp()
      .toBuffer();
  it.each([
    ['nothing', async () => new Uint8Array(), 'PICTURE_BROKEN'],
    ['text', async () => Buffer.from('hello'), 'PICTURE_NOT_A_PICTURE'],
    ['SVG', async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'PICTURE_NOT_A_PICTURE'],
    ['half a PNG', async () => stripes(640, 640, 1).subarray(0, 400), 'PICTURE_BROKEN'],
    ['half a WebP', async () => (await webp()).subarray(0, 40), 'PICTURE_BROKEN'],
    ['too long a side', async () => stripes(16_400, 2, 1), 'PICTURE_TOO_LARGE'],
    [
      'a bomb',
      async () => {
        // The header alone says 100,000 × 100,000.
        const bytes = Buffer.from(stripes(16, 16, 1));
        bytes.writeUInt32BE(100_000, 16);
        bytes.writeUInt32BE(100_000, 20);
        return bytes;
      },
      /PICTURE_(TOO_LARGE|BROKEN)/,
    ],
    [
      'an animation',
      async () => {
        const frame = { create: { width: 16, height: 32, channels: 3 as const, background: 'red' } };
        return sharp({ ...frame, pageHeight: 16 } as never)
          .gif({ delay: [100, 100] })
          .toBuffer();
      },
      /PICTURE_ANIMATED|^$/,
    ],
  ])('%s is refused', async (_, make, code) => {
    const bytes = await make();
    if (_ === 'an animation' && ((await sharp(bytes).metadata()).pages ?? 1) < 2) return; // this libvips writes one frame
    await expect(keepUpload(data, bytes)).rejects.toThrow(
      expect.objectContaining({ code: typeof code === 'string' ? code : expect.stringMatching(code) }),
    );
    expect(readdirSync(data.uploads)).toEqual([]);
  });

  it('are found by their ids alone', () => {
    for (const id of ['../token', '0'.repeat(32), '', `${'0'.repeat(31)}/`])
      expect(() => uploadPath(data, id)).toThrow(fault('UPLOAD_UNKNOWN'));
  });
});

describe('serving', () => {
  it('encodes anew, in the width asked for, without what was in the file', async () => {
    const path = join(data.path, 'x.png');
    const secret = 'parameters of somebody';
    writeFileSync(
      path,
      await sharp(stripes(800, 400, 1))
        .withExif({ IFD0: { ImageDescription: secret } })
        .png()
        .toBuffer(),
    );
    for (const [size, width] of [
      ['96', 96],
      ['320', 320],
      ['full', 800],
    ] as const) {
      const { bytes, type } = await servedPicture(data, path, size);
      expect(type).toBe('image/webp');
      expect((await sharp(bytes).metadata()).width).toBe(width);
      expect(Buffer.from(bytes).includes(secret)).toBe(false);
    }
    const again = await servedPicture(data, path, '96');
    writeFileSync(path, stripes(64, 64, 2));
    expect((await servedPicture(data, path, '96')).bytes).not.toEqual(again.bytes);
  });

  it('refuses what is no picture, and what is gone', async () => {
    const path = join(data.path, 'x.png');
    await expect(servedPicture(data, path, '96')).rejects.toThrow(fault('PICTURE_MISSING'));
    writeFileSync(path, '<html><script>alert(1)</script>');
    await expect(servedPicture(data, path, '96')).rejects.toThrow(fault('PICTURE_NOT_A_PICTURE'));
    await expect(servedBytes(data, stripes(64, 64, 1).subarray(0, 60), '96')).rejects.toThrow(
      fault('PICTURE_BROKEN'),
    );
    await expect(servedPicture(data, data.path, '96')).rejects.toThrow(fault('PICTURE_MISSING'));
  });

  it('works without a cache, and sweeps one that is too large', async () => {
    await servedBytes(data, stripes(64, 64, 1), '96');
    await servedBytes(data, stripes(64, 64, 2), '96');
    expect(await sweepServed(data, 1)).toBe(0);
    expect(await sweepServed(data, 0)).toBe(2);
    rmSync(data.cache, { recursive: true });
    writeFileSync(data.cache, 'a file where the folder was');
    expect((await servedBytes(data, stripes(64, 64, 3), '96')).bytes.length).toBeGreaterThan(0);
  });

  it('lets only so many through at a time, and none that nobody waits for', async () => {
    const inTurn = openTurnstile(2);
    let [now, most] = [0, 0];
    const work = async () => {
      most = Math.max(most, ++now);
      await new Promise(resolve => setTimeout(resolve, 1));
      now--;
    };
    await Promise.all(Array.from({ length: 20 }, () => inTurn(work)));
    expect(most).toBe(2);
    await expect(inTurn(work, AbortSignal.abort())).rejects.toThrow();
    await inTurn(work);
  });
});
