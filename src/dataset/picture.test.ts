import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadPicture, type PicturePlan } from './picture.ts';

interface GoldenPicture {
  name: string;
  file: string;
  width: number;
  height: number;
  rgb: string;
}

const golden: GoldenPicture[] = JSON.parse(
  await readFile(new URL('../../test/golden/data/pictures.json', import.meta.url), 'utf8'),
);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lora-picture-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function save(bytes: Uint8Array): Promise<string> {
  const path = join(folder, 'picture');
  await writeFile(path, bytes);
  return path;
}

function whole(width: number, height: number): PicturePlan {
  const size = { width, height };
  return { bucket: size, resized: size, crop: { left: 0, top: 0 } };
}

/** Planar [-1, 1] → interleaved 0 … 255. */
function toBytes(planar: Float32Array): Uint8Array {
  const count = planar.length / 3;
  return Uint8Array.from({ length: planar.length }, (_, i) =>
    Math.round((planar[(i % 3) * count + Math.floor(i / 3)] + 1) * 127.5),
  );
}

function differences(actual: Uint8Array, expected: Uint8Array): { largest: number; mean: number } {
  expect(actual.length).toBe(expected.length);
  let largest = 0;
  let sum = 0;
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    largest = Math.max(largest, difference);
    sum += difference;
  }
  return { largest, mean: sum / actual.length };
}

/** Largest and mean difference allowed, in 1/255; 0 for lossless files, else with the reason. */
function tolerance(name: string): { largest: number; mean: number } {
  // Rounding in alpha compositing differs by one.
  if (name.includes('alpha') || name.includes('transparent')) return { largest: 1, mean: 0.6 };
  // Two JPEG decoders, each within one level of the exact inverse transform and colour conversion.
  if (name === 'jpeg') return { largest: 3, mean: 0.6 };
  // Two readers of ICC profiles with LittleCMS inside, which round at other places.
  if (name.startsWith('profile')) return { largest: 1, mean: 0.05 };
  // 5 and 6 bits become 8 by another rounding.
  if (name === 'bmp 565') return { largest: 1, mean: 0.5 };
  // Two AV1 decoders' conversions from YUV.
  if (name === 'avif') return { largest: 2, mean: 0.5 };
  // Pillow multiplies inks; libvips goes through a printing profile, which is truer but darker or duller.
  if (name === 'cmyk jpeg') return { largest: 130, mean: 45 };
  // Lanczos-3 in fixed point: libvips and Pillow cut the window off differently at the border.
  if (name.startsWith('reduced')) return { largest: 4, mean: 0.7 };
  // Float weights against Pillow's 8-bit ones.
  if (name.startsWith('enlarged')) return { largest: 2, mean: 0.1 };
  return { largest: 0, mean: 0 };
}

for (const { name, file, width, height, rgb } of golden) {
  test(`${name}: pixels as Pillow reads them`, async () => {
    const path = await save(Buffer.from(file, 'base64'));
    const actual = toBytes(await loadPicture(path, whole(width, height)));
    const { largest, mean } = differences(actual, Buffer.from(rgb, 'base64'));
    expect(largest, 'largest').toBeLessThanOrEqual(tolerance(name).largest);
    expect(mean, 'mean').toBeLessThanOrEqual(tolerance(name).mean);
  });
}

/** Pixel (x, y) is (10x, 10y, 100). */
function ramp(width: number, height: number): Uint8Array {
  return Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return [10 * (pixel % width), 10 * Math.floor(pixel / width), 100][i % 3];
  });
}

function png(pixels: Uint8Array, width: number, height: number): Sharp {
  return sharp(pixels, { raw: { width, height, channels: 3 } }).png();
}

test('crops, mirrors the crop, and lays out planes', async () => {
  const path = await save(await png(ramp(20, 12), 20, 12).toBuffer());
  const plan: PicturePlan = {
    bucket: { width: 3, height: 2 },
    resized: { width: 20, height: 12 },
    crop: { left: 4, top: 5 },
  };
  const upright = await loadPicture(path, plan);
  const levels = (pixels: Float32Array) => Array.from(pixels, value => Math.round((value + 1) * 127.5));
  expect(levels(upright)).toEqual([
    40, 50, 60, 40, 50, 60, 50, 50, 50, 60, 60, 60, 100, 100, 100, 100, 100, 100,
  ]);
  expect(upright[0]).toBe(Math.fround(40 / 127.5 - 1));
  const flipped = await loadPicture(path, { ...plan, flip: true });
  expect(levels(flipped).slice(0, 6)).toEqual([60, 50, 40, 60, 50, 40]);
});

test('CMYK without a profile is read as with the usual one, which a profile that is embedded replaces', async () => {
  const inks = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => (7 * i) % 256);
  const cmyk = sharp(inks, { raw: { width: 16, height: 16, channels: 3 } }).toColourspace('cmyk');
  const withProfile = await cmyk.clone().withIccProfile('cmyk').jpeg({ quality: 98 }).toBuffer();
  expect((await sharp(withProfile).metadata()).icc).toBeDefined();
  // The same file but for the segments of the profile (APP2).
  const without: Buffer[] = [];
  for (let at = 0; at < withProfile.length; ) {
    const isSegment = withProfile[at + 1] >= 0xe0 && withProfile[at + 1] <= 0xef;
    const end = withProfile[at + 1] === 0xd8 ? at + 2 : at + 2 + withProfile.readUInt16BE(at + 2);
    const last = withProfile[at + 1] === 0xda ? withProfile.length : end;
    if (!isSegment || withProfile[at + 1] !== 0xe2) without.push(withProfile.subarray(at, last));
    at = last;
  }
  const plain = Buffer.concat(without);
  expect((await sharp(plain).metadata()).icc).toBeUndefined();
  expect(await loadPicture(await save(plain), whole(16, 16))).toEqual(
    await loadPicture(await save(withProfile), whole(16, 16)),
  );
});

test('an embedded Display P3 profile becomes sRGB', async () => {
  const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => [180, 60, 40][i % 3]);
  const inP3 = await png(pixels, 16, 16).withIccProfile('p3').toBuffer();
  const stored = await sharp(inP3).metadata();
  expect(stored.icc).toBeDefined();
  const actual = toBytes(await loadPicture(await save(inP3), whole(16, 16)));
  // There and back through 8 bits: one level each way.
  expect(differences(actual, pixels).largest).toBeLessThanOrEqual(2);
});

test('the same file gives the same bytes', async () => {
  const path = await save(await png(ramp(25, 25), 25, 25).toBuffer());
  const plan = { ...whole(16, 16), resized: { width: 19, height: 17 } };
  expect(await loadPicture(path, plan)).toEqual(await loadPicture(path, plan));
});
