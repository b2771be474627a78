import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, describe, expect, test } from 'vitest';
import { readMask } from './read-mask.ts';
import { decodeGivenPicture, readPicture } from './read-picture.ts';

const folder = mkdtempSync(join(tmpdir(), 'lora-pictures-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** 48×32: red, green above; blue, grey below. */
const quarters = [
  [220, 30, 40],
  [20, 180, 60],
  [30, 60, 200],
  [120, 120, 120],
];
const [width, height] = [48, 32];
const pixels = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
  const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
  return quarters[(x < width / 2 ? 0 : 1) + (y < height / 2 ? 0 : 2)][i % 3];
});
const picture = (): Sharp => sharp(pixels, { raw: { width, height, channels: 3 } });

/** The colours in the middle of the four quarters. */
function middles(read: { width: number; height: number; data: Uint8Array }): number[][] {
  return [0, 1, 2, 3].map(i => {
    const x = Math.floor(read.width * (i % 2 ? 0.75 : 0.25));
    const y = Math.floor(read.height * (i > 1 ? 0.75 : 0.25));
    return [...read.data.subarray(3 * (y * read.width + x), 3 * (y * read.width + x) + 3)];
  });
}

function worstDifference(a: readonly number[][], b: readonly number[][]): number {
  return Math.max(...a.flatMap((colour, i) => colour.map((level, c) => Math.abs(level - b[i][c]))));
}

function bmp(): Uint8Array {
  const out = Buffer.alloc(54 + pixels.length);
  out.write('BM');
  out.writeUInt32LE(54, 10);
  out.writeUInt32LE(40, 14);
  out.writeInt32LE(width, 18);
  out.writeInt32LE(-height, 22);
  out.writeUInt16LE(1, 26);
  out.writeUInt16LE(24, 28);
  for (const [i, level] of pixels.entries()) out.writeUInt8(level, 54 + 3 * Math.floor(i / 3) + 2 - (i % 3));
  return out;
}

describe('the formats', () => {
  // JPEG and WebP turn colours into 8-bit luma and chroma, AVIF quantises those.
  const formats: [string, () => Promise<Uint8Array> | Uint8Array, number][] = [
    ['PNG', () => picture().png().toBuffer(), 0],
    ['PNG of 16 bits', () => picture().toColourspace('rgb16').png().toBuffer(), 0],
    ['JPEG', () => picture().jpeg({ quality: 100 }).toBuffer(), 2],
    ['WebP', () => picture().webp({ lossless: true }).toBuffer(), 0],
    ['AVIF', () => picture().avif({ quality: 90 }).toBuffer(), 4],
    ['TIFF', () => picture().tiff({ compression: 'lzw' }).toBuffer(), 0],
    ['GIF', () => picture().gif().toBuffer(), 2],
    ['BMP', bmp, 0],
  ];
  test.each(formats)('%s', async (_, make, tolerance) => {
    const read = await decodeGivenPicture(await make(), 'a picture');
    expect([read.width, read.height, read.data.length]).toEqual([width, height, pixels.length]);
    expect(worstDifference(middles(read), quarters)).toBeLessThanOrEqual(tolerance);
    expect(read).not.toHaveProperty('alpha');
    expect(read.findings).toEqual([]);
    expect(read.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test('CMYK by its profile, for a colour that can be printed', async () => {
    const muted = [150, 90, 80];
    const flat = sharp({ create: { width, height, channels: 3, background: { r: 150, g: 90, b: 80 } } });
    const read = await decodeGivenPicture(await flat.withIccProfile('cmyk').jpeg().toBuffer(), 'printed');
    // libvips' small profile is this far off; read as if there were none, or with its inks turned, it would be 60.
    expect(worstDifference(middles(read), [muted, muted, muted, muted])).toBeLessThanOrEqual(20);
  });

  test('grey has three channels', async () => {
    const read = await decodeGivenPicture(await picture().toColourspace('b-w').png().toBuffer(), 'grey');
    expect(read.data).toHaveLength(pixels.length);
    expect(middles(read).every(([r, g, b]) => r === g && g === b)).toBe(true);
  });
});

test('a picture is turned upright', async () => {
  const turned = await picture().withMetadata({ orientation: 6 }).png().toBuffer(); // shown 90° clockwise
  const read = await decodeGivenPicture(turned, 'turned');
  expect([read.width, read.height]).toEqual([height, width]);
  expect(middles(read)).toEqual([quarters[2], quarters[0], quarters[3], quarters[1]]);
});

test('colours of a profile become those of sRGB', async () => {
  const wide = await picture().withIccProfile('p3').png().toBuffer();
  const stored = await sharp(wide).metadata();
  expect(stored.icc).toBeDefined();
  const read = await decodeGivenPicture(wide, 'wide');
  expect(worstDifference(middles(read), quarters)).toBeLessThanOrEqual(2); // there and back in 8 bits
});

test('what is transparent lies on white and is told apart; opaque alpha is none', async () => {
  const data = Uint8Array.from([200, 0, 0, 255, 200, 0, 0, 0, 200, 0, 0, 51]);
  const png = await sharp(data, { raw: { width: 3, height: 1, channels: 4 } })
    .png()
    .toBuffer();
  const read = await decodeGivenPicture(png, 'see-through');
  expect([...read.data]).toEqual([200, 0, 0, 255, 255, 255, 244, 204, 204]);
  expect([...(read.alpha ?? [])]).toEqual([255, 0, 51]);
  const opaque = await decodeGivenPicture(await picture().ensureAlpha().png().toBuffer(), 'opaque');
  expect(opaque).not.toHaveProperty('alpha');
});

test.each(['gif', 'webp'] as const)('the first frame of an animated %s, with a word', async format => {
  const frames = Uint8Array.from({ length: 3 * 16 * 16 * 3 }, (_, i) => [250, 10, 130][Math.floor(i / 768)]);
  const path = join(folder, `animated.${format}`);
  const animated = sharp(frames, { raw: { width: 16, height: 48, channels: 3, pageHeight: 16 } });
  writeFileSync(path, await animated.toFormat(format, { lossless: true }).toBuffer());
  const read = await readPicture(path);
  expect([read.width, read.height]).toEqual([16, 16]);
  expect(Math.min(...read.data)).toBeGreaterThanOrEqual(249);
  expect(read.findings).toEqual([
    { code: 'PICTURE_ANIMATED', message: `${path} holds 3 frames; the first is used` },
  ]);
});

describe('masks', () => {
  const write = async (name: string, data: Uint8Array, channels: 1 | 3 | 4): Promise<string> => {
    const path = join(folder, name);
    const raw = { width: data.length / channels, height: 1, channels };
    writeFileSync(path, await sharp(data, { raw }).png().toBuffer());
    return path;
  };

  test('are luminance', async () => {
    const path = await write('mask.png', Uint8Array.from([255, 255, 255, 0, 0, 0, 255, 0, 0, 90, 90, 90]), 3);
    const mask = await readMask(path);
    expect([...mask.data]).toEqual([255, 0, 76, 90]);
    expect(mask.findings).toEqual([]);
  });

  test('are what is transparent, where something is', async () => {
    const colours = [0, 0, 0, 0, 255, 255, 255, 255, 9, 9, 9, 128, 9, 9, 9, 129];
    const path = await write('cut-out.png', Uint8Array.from(colours), 4);
    const mask = await readMask(path);
    expect([...mask.data]).toEqual([255, 0, 255, 0]);
    expect(mask.findings.map(({ code }) => code)).toEqual(['MASK_FROM_ALPHA']);
  });
});

test('a folder and a missing file are told apart', async () => {
  const path = join(folder, 'a-folder.png');
  mkdirSync(path);
  await expect(readPicture(path)).rejects.toMatchObject({
    code: 'PICTURE_UNREADABLE',
    message: `${path}: is a folder, not a picture`,
  });
  await expect(readPicture(join(folder, 'missing.png'))).rejects.toMatchObject({
    code: 'PICTURE_NOT_FOUND',
    exit: 'badInput',
  });
});
