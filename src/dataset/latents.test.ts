import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { type Tensor, tensor } from '../engine/index.ts';
import { cacheKey } from './cache.ts';
import { type EncodeOptions, encodeDataset, type TrainingItem } from './latents.ts';
import { maskRule } from './masks.ts';
import { scanFolder } from './scan.ts';

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
