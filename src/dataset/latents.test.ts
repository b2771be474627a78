import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { type Tensor, tensor } from '../engine/index.ts';
import { cacheKey } from './cache.ts';
import { asTheyAre, type EncodeOptions, encodeDataset, type TrainingItem } from './latents.ts';
import { averageAreas } from './loss-masks.ts';
import { maskRule } from './masks.ts';
import { type PictureRules, plainRules } from './picture-rules.ts';
import { scanDataset, scanFolder } from './scan.ts';

const temporary = (): string => mkdtempSync(join(tmpdir(), 'lora-latents-'));

async function pictures(): Promise<string> {
  const root = temporary();
  for (const [name, width] of [
    ['a', 64],
    ['b', 128],
  ] as const) {
    // Left half dark, right half light.
    const data = Uint8Array.from({ length: 3 * width * 64 }, (_, i) =>
      Math.floor(i / 3) % width < width / 2 ? 10 : 240,
    );
    await sharp(data, { raw: { width, height: 64, channels: 3 } })
      .png()
      .toFile(join(root, `${name}.png`));
  }
  return root;
}

/** An encoder whose "latents" are the first and the last pixel of the first row. */
function countingEncoder(): { encode: EncodeOptions['encode']; seen: number[][] } {
  const seen: number[][] = [];
  return {
    seen,
    async encode({ shape, data }: Tensor) {
      seen.push([...shape]);
      return tensor([1, 1, 1, 2], Float32Array.of(data[0], data[shape[3] - 1]));
    },
  };
}

const buckets = { resolution: { width: 64, height: 64 }, min: 32, max: 128, step: 16 };

test('each picture is encoded once, in its bucket, and again only when something changed', async () => {
  const [folder, cacheFolder] = [await pictures(), temporary()];
  const run = async (changed: Partial<EncodeOptions> = {}) => {
    const encoder = countingEncoder();
    const scan = await scanFolder(folder, { caption: 'a' });
    const options = { buckets, cacheFolder, encoderHash: '1', encode: encoder.encode, ...changed };
    return { items: await encodeDataset(scan, options), seen: encoder.seen };
  };
  const first = await run();
  expect(first.seen).toEqual([
    [1, 3, 64, 64],
    [1, 3, 48, 80], // kohya's rule: 2:1 has no bucket of 64² pixels; 80×48 is nearest of those
  ]);
  const again = await run();
  expect(again.seen).toEqual([]);
  expect(again.items).toEqual(first.items);
  expect((await run({ encoderHash: '2' })).seen).toHaveLength(2);
  // Mirrored: only the mirrored ones are new, and left and right change places.
  const flipped = await run({ flip: true });
  expect(flipped.seen).toHaveLength(2);
  const [
    {
      views: [{ latents }],
      mirroredViews,
    },
  ] = flipped.items;
  expect(mirroredViews?.[0].latents.data).toEqual(latents.data.slice().reverse());
  expect(latents.data[0]).toBeLessThan(latents.data[1]);

  // A damaged entry counts as missing.
  for (const name of readdirSync(cacheFolder)) {
    const bytes = readFileSync(join(cacheFolder, name));
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(join(cacheFolder, name), bytes);
  }
  expect((await run()).seen).toHaveLength(2);

  // An edited picture of the same name and size.
  await sharp({ create: { width: 64, height: 64, channels: 3, background: '#fff' } })
    .png()
    .toFile(join(folder, 'a.png'));
  expect((await run()).seen).toEqual([[1, 3, 64, 64]]);
});

test('the key of latents without a mask never changes: those of other versions are found again', () => {
  const plan = {
    ...{ bucket: { width: 512, height: 448 }, resized: { width: 600, height: 448 } },
    crop: { left: 44, top: 0 },
  };
  const source = {
    pictureHash: createHash('sha256').update('a picture').digest('hex'),
    ...{ plan, encoderHash: 'an encoder' },
  };
  // As they were before there were masks.
  expect(cacheKey(source)).toBe('76d24e2714a5c3ef0344b8395ebe163f00979ecb642f98d030237f75c1902260');
  expect(cacheKey({ ...source, plan: { ...plan, flip: true } })).toBe(
    '9fa44f49d7150166b2baa3f3e2886a2ee01979d3aedc632c0377ad8bcd5aea3a',
  );
  expect(cacheKey({ ...source, mask: 'everything' })).not.toBe(cacheKey(source));
});

test('masked forms: one a bucket with everything hidden, three a view; latents of a run without them are used', async () => {
  const [folder, cacheFolder] = [await pictures(), temporary()];
  const scan = await scanFolder(folder, { caption: 'a' });
  const run = async (changed: Partial<EncodeOptions>) => {
    const seen: Tensor[] = [];
    const encode = async (pixels: Tensor): Promise<Tensor> => {
      seen.push(pixels);
      const [, , height, width] = pixels.shape;
      return tensor([1, 1, height / 8, width / 8], new Float32Array((height * width) / 64).fill(seen.length));
    };
    return {
      items: await encodeDataset(scan, { buckets, cacheFolder, encoderHash: '1', encode, ...changed }),
      seen,
    };
  };
  const plain = await run({});
  expect(plain.seen).toHaveLength(2);
  expect(plain.items[0].views[0]).not.toHaveProperty('maskings');
  const masked = await run({ masks: true });
  expect(masked.seen).toHaveLength(2 + 2 * 3); // two buckets, two pictures
  const latentsOf = (items: readonly TrainingItem[]): Tensor[] => items.map(({ views }) => views[0].latents);
  expect(latentsOf(masked.items)).toEqual(latentsOf(plain.items));
  const grey = masked.seen.filter(({ data }) => data.every(x => x === 0));
  expect(grey.map(({ shape }) => shape)).toEqual([
    [1, 3, 64, 64],
    [1, 3, 48, 80],
  ]);
  for (const { latents, maskings = [] } of masked.items.flatMap(({ views }) => views)) {
    const [, , height, width] = latents.shape;
    expect(maskings.map(({ shape }) => shape)).toEqual(Array(maskRule.count).fill([1, 2, height, width]));
    const hidden = maskings.map(({ data }) => data.subarray(0, height * width));
    expect(hidden[0].every(x => x === 1)).toBe(true);
    for (const mask of hidden.slice(1)) expect(mask.some(x => x === 0) && mask.some(x => x === 1)).toBe(true);
  }
  const again = await run({ masks: true });
  expect(again.seen).toEqual([]);
  expect(again.items).toEqual(masked.items);
  const flipped = await run({ masks: true, flip: true });
  expect(flipped.seen).toHaveLength(2 * 4); // everything hidden is the same in the mirror
  const [{ views, mirroredViews }] = flipped.items;
  expect(mirroredViews?.[0].maskings?.[0]).toBe(views[0].maskings?.[0]);
});

test('a cache that cannot be written is said once, and the latents are there', async () => {
  const file = join(temporary(), 'file');
  writeFileSync(file, '');
  const codes: string[] = [];
  const scan = await scanFolder(await pictures(), { caption: 'a' });
  const items = await encodeDataset(scan, {
    ...{ buckets, encoderHash: '1', encode: countingEncoder().encode },
    cacheFolder: join(file, 'cache'),
    onWarning: ({ code }) => codes.push(code),
  });
  expect(items).toHaveLength(2);
  expect(codes).toEqual(['CACHE_NOT_WRITTEN']);
});

test('refuses NaN from the encoder, a picture that changed since the scan, and stops when cancelled', async () => {
  const folder = await pictures();
  const scan = await scanFolder(folder, { caption: 'a' });
  const encode = async (): Promise<Tensor> => tensor([1, 1, 1, 1], Float32Array.of(Number.NaN));
  const options = { buckets, encoderHash: '1', encode };
  await expect(encodeDataset(scan, options)).rejects.toMatchObject({ code: 'LATENTS_NOT_FINITE' });
  const aborted = { ...options, signal: AbortSignal.abort() };
  await expect(encodeDataset(scan, aborted)).rejects.toMatchObject({ name: 'AbortError' });
  writeFileSync(join(folder, 'a.png'), readFileSync(join(folder, 'b.png')));
  await expect(encodeDataset(scan, options)).rejects.toMatchObject({ code: 'PICTURE_CHANGED' });
});

describe('forms of pictures', () => {
  /** Latents that tell pictures apart: the mean of every 8×8 pixels of the first channel. */
  const open = () => {
    const seen: string[] = [];
    const encode = async ({ shape, data }: Tensor): Promise<Tensor> => {
      const [, , height, width] = shape;
      const area = height * width;
      const channels = [0, 1, 2].flatMap(c => [
        ...averageAreas(data.subarray(c * area, (c + 1) * area), { width, height }, { width: 8, height: 8 }),
      ]);
      seen.push(createHash('sha256').update(Float32Array.from(channels)).digest('hex'));
      return tensor([1, 3, 8, 8], Float32Array.from(channels));
    };
    return { seen, encode };
  };
  const noise = Uint8Array.from({ length: 3 * 96 * 64 }, (_, i) => (i * i * 31 + 7 * i) % 256);
  const smooth = Uint8Array.from(
    { length: 3 * 96 * 64 },
    (_, i) => [2 * (Math.floor(i / 3) % 96), 90, 30][i % 3],
  );
  const folderOf = async (): Promise<string> => {
    const root = temporary();
    const raw = { raw: { width: 96, height: 64, channels: 3 as const } };
    await sharp(noise, raw).blur(3).png().toFile(join(root, 'a.png'));
    await sharp(smooth, raw).png().toFile(join(root, 'b.png'));
    return root;
  };
  const rule = { resolution: { width: 64, height: 64 }, min: 64, max: 64, step: 16 };
  const run = async (folder: string, rules: Partial<PictureRules>, changed: Partial<EncodeOptions> = {}) => {
    const scan = await scanDataset([{ folder, rules: { ...plainRules, ...rules } }], { caption: 'x' });
    const { seen, encode } = open();
    const items = await encodeDataset(scan, { buckets: rule, encoderHash: '1', encode, ...changed });
    return { items, seen, scan };
  };

  test('each different form is encoded once, from the cache the next time, whatever the seed', async () => {
    const [folder, cacheFolder] = [await folderOf(), temporary()];
    const rules = { colour: true, randomCrop: true, cropJitter: 0.2, variants: 6, flip: true };
    const first = await run(folder, rules, { cacheFolder });
    for (const { views, mirroredViews = [] } of first.items) {
      expect([views.length, mirroredViews.length]).toEqual([6, 6]);
      // The mirror of a form is the mirror of its picture: rows of the latents from right to left.
      for (const [i, { latents, crop }] of views.entries()) {
        const turned = latents.data.map((_, at) => latents.data[at - (at % 8) + 7 - (at % 8)]);
        for (const [at, x] of turned.entries())
          expect(Math.abs(mirroredViews[i].latents.data[at] - x)).toBeLessThan(1e-6);
        expect(mirroredViews[i].crop.top).toBe(crop.top);
      }
      expect(new Set(views.map(({ crop }) => `${crop.left} ${crop.top}`)).size).toBeGreaterThan(3);
    }
    expect(first.seen).toHaveLength(2 * 2 * 6);
    const again = await run(folder, rules, { cacheFolder });
    expect(again.seen).toEqual([]);
    expect(again.items).toEqual(first.items);
    // One rule changed: other forms.
    expect((await run(folder, { ...rules, cropJitter: 0.3 }, { cacheFolder })).seen.length).toBeGreaterThan(
      0,
    );
    expect((await run(folder, rules, { cacheFolder, encoderHash: '2' })).seen).toHaveLength(24);
  });

  test('with colour alone, pictures that keep their colours are encoded once', async () => {
    const folder = await folderOf();
    const { items, seen } = await run(folder, { colour: true, variants: 20 });
    for (const { views } of items) {
      const different = new Set(views.map(({ latents }) => latents));
      expect(different.size).toBeGreaterThan(1);
      expect(different.size).toBeLessThan(20);
    }
    expect(seen.length).toBe(new Set(items.flatMap(({ views }) => views.map(({ latents }) => latents))).size);
    expect(new Set(seen).size).toBe(seen.length);
    const plain = await run(folder, { variants: 20 });
    expect(plain.items.map(({ views }) => views.length)).toEqual([1, 1]);
    // One of the forms is the plain picture, bit for bit.
    for (const [i, { views }] of items.entries())
      expect(views.map(({ latents }) => latents)).toContainEqual(plain.items[i].views[0].latents);
  });

  test('as they are looked at: one form, not mirrored', async () => {
    const folder = await folderOf();
    const { scan } = await run(folder, { colour: true, randomCrop: true, variants: 5, flip: true });
    const items = await encodeDataset(asTheyAre(scan), {
      buckets: rule,
      encoderHash: '1',
      encode: open().encode,
    });
    const plain = await run(folder, {});
    expect(items.map(({ views }) => views)).toEqual(plain.items.map(({ views }) => views));
    expect(items[0]).not.toHaveProperty('mirroredViews');
  });

  test('an edited picture of the same size and time is encoded again, and so is nothing else', async () => {
    const [folder, cacheFolder] = [await folderOf(), temporary()];
    await run(folder, {}, { cacheFolder });
    const path = join(folder, 'b.png');
    const [before, { size, atime, mtime }] = [readFileSync(path), statSync(path)];
    const edited = smooth.map(x => x); // one pixel, stored without compression so that the size stays
    const raw = { raw: { width: 96, height: 64, channels: 3 as const } };
    const save = (pixels: Uint8Array) => sharp(pixels, raw).png({ compressionLevel: 0 }).toBuffer();
    writeFileSync(path, await save(smooth));
    await run(folder, {}, { cacheFolder });
    const old = statSync(path).size;
    edited[0] ^= 255;
    writeFileSync(path, await save(edited));
    utimesSync(path, atime, mtime);
    expect([statSync(path).size, statSync(path).mtimeMs]).toEqual([old, mtime.getTime()]);
    expect((await run(folder, {}, { cacheFolder })).seen).toHaveLength(1);
    writeFileSync(path, before);
    expect(statSync(path).size).toBe(size);
    expect((await run(folder, {}, { cacheFolder })).seen).toEqual([]);
  });

  test('masks of alpha: what is transparent keeps its colours, the loss is masked; without, it is white', async () => {
    const folder = temporary();
    const pixels = Uint8Array.from({ length: 4 * 64 * 64 }, (_, i) =>
      i % 4 < 3 ? [200, 30, 60][i % 4] : Math.floor(i / 4) % 64 < 32 ? 0 : 255,
    );
    const raw = { raw: { width: 64, height: 64, channels: 4 as const } };
    await sharp(pixels, raw).png().toFile(join(folder, 'a.png'));
    const onWhite = (await run(folder, {})).items[0].views[0];
    const masked = (await run(folder, { mask: 'alpha', outsideMask: 0.1, flip: true })).items[0];
    expect(onWhite).not.toHaveProperty('lossMask');
    expect(onWhite.latents.data[0]).toBe(1);
    const [view] = masked.views;
    expect(view.latents.data[0]).toBeCloseTo(200 / 127.5 - 1, 6);
    expect([...(view.lossMask?.data ?? [])]).toEqual(
      Array.from({ length: 64 }, (_, i) => (i % 8 < 4 ? Math.fround(0.1) : 1)),
    );
    expect(masked.mirroredViews?.[0].lossMask?.data[0]).toBe(1);
    // Below the mask the picture is as the opaque one.
    const opaque = temporary();
    await sharp(pixels, raw).removeAlpha().png().toFile(join(opaque, 'a.png'));
    expect(view.latents).toEqual((await run(opaque, {})).items[0].views[0].latents);
  });

  test('masks of files lie on the crop; one that is black is told, one that changed is an error', async () => {
    const folder = await folderOf();
    // The left 16 of 96 pixels: the crop at the centre starts where it ends.
    const left = Uint8Array.from({ length: 96 * 64 }, (_, i) => (i % 96 < 16 ? 255 : 0));
    const right = left.map(x => 255 - x);
    const raw = { raw: { width: 96, height: 64, channels: 1 as const } };
    await sharp(left, raw).png().toFile(join(folder, 'a-mask.png'));
    await sharp(right, raw).png().toFile(join(folder, 'b-mask.png'));
    const told: string[] = [];
    const { items, scan } = await run(
      folder,
      { mask: 'files' },
      { onWarning: ({ code }) => told.push(code) },
    );
    expect(told).toEqual(['MASK_EMPTY']);
    const sums = items.map(({ views: [{ lossMask }] }) => lossMask?.data.reduce((a, b) => a + b, 0));
    expect(sums).toEqual([0, 64]);
    writeFileSync(join(folder, 'a-mask.png'), readFileSync(join(folder, 'b-mask.png')));
    const encoded = encodeDataset(scan, { buckets: rule, encoderHash: '1', encode: open().encode });
    await expect(encoded).rejects.toMatchObject({
      code: 'PICTURE_CHANGED',
      message: expect.stringMatching(/a-mask/),
    });
  });

  test('a picture that is gone since the scan is an error that names it', async () => {
    const { scan } = await run(await folderOf(), {});
    rmSync(scan.pictures[1].path);
    const encoded = encodeDataset(scan, { buckets: rule, encoderHash: '1', encode: open().encode });
    await expect(encoded).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringMatching(/b\.png/),
    });
  });
});
