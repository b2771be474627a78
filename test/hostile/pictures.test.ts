/** Broken, huge and lying picture files given for img2img and inpainting: an error with a code, never a crash. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, describe, expect, test } from 'vitest';
import { randomStream } from '../../src/engine/index.ts';
import { LoraError } from '../../src/errors.ts';
import { decodeGivenMask, readMask } from '../../src/generation/pictures/read-mask.ts';
import { decodeGivenPicture, readPicture } from '../../src/generation/pictures/read-picture.ts';

const folder = mkdtempSync(join(tmpdir(), 'lora-hostile-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const unreadable = (message: RegExp) =>
  expect.objectContaining({
    code: 'PICTURE_UNREADABLE',
    exit: 'badInput',
    message: expect.stringMatching(message),
    hint: expect.stringContaining('PNG'),
  });

describe('files that are no pictures', () => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
  test.each<[string, string | Uint8Array, RegExp]>([
    ['empty.png', '', /empty/],
    ['text.png', 'this is a letter to my aunt', /holds text/],
    ['drawing.png', svg, /holds text/],
    ['zeros.jpg', new Uint8Array(4096), /does not begin like any known picture/],
    ['signature.png', Buffer.from('89504e470d0a1a0a', 'hex'), /damaged/],
    ['mark.jpg', Buffer.from('ffd8ff', 'hex'), /damaged/],
    ['riff.webp', 'RIFF\0\0\0\0WEBP', /damaged/],
    ['head.gif', 'GIF89a', /damaged/],
    ['head.bmp', 'BM', /damaged/],
    ['head.tiff', 'II*\0', /damaged/],
    ['phone.heic', Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif0heic', 'latin1'), /HEIC cannot be read/],
  ])('%s', async (name, content, message) => {
    const path = write(name, content);
    await expect(readPicture(path)).rejects.toThrowError(unreadable(message));
    await expect(readMask(path)).rejects.toThrowError(unreadable(message));
  });
});

function pngHeader(width: number, height: number): Buffer {
  const chunk = (type: string, body: Buffer): Buffer => {
    const out = Buffer.alloc(12 + body.length);
    out.writeUInt32BE(body.length, 0);
    out.write(type, 4, 'latin1');
    out.set(body, 8);
    out.writeUInt32BE(crc32(out.subarray(4, 8 + body.length)), 8 + body.length);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', Buffer.alloc(8)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function bmpHeader(width: number, height: number): Buffer {
  const out = Buffer.alloc(54);
  out.write('BM');
  out.writeUInt32LE(54, 10);
  out.writeUInt32LE(40, 14);
  out.writeInt32LE(width, 18);
  out.writeInt32LE(height, 22);
  out.writeUInt16LE(1, 26);
  out.writeUInt16LE(24, 28);
  return out;
}

test.each([
  ['PNG', pngHeader(50_000, 50_000), '50000×50000 is 2500 megapixels; the limit is 100 megapixels'],
  ['PNG just above the limit', pngHeader(10_001, 10_000), '10001×10000 is 101 megapixels; the limit is 100'],
  ['BMP', bmpHeader(0x7fffffff, 0x7fffffff), '2147483647×2147483647'],
])('a huge %s is refused before anything is decoded', async (_, bytes, message) => {
  const before = performance.now();
  await expect(decodeGivenPicture(bytes, 'bomb')).rejects.toThrowError(
    expect.objectContaining({
      code: 'PICTURE_TOO_LARGE',
      exit: 'badInput',
      message: expect.stringContaining(message),
    }),
  );
  expect(performance.now() - before).toBeLessThan(2000);
});

describe('cut off and changed files', () => {
  const random = randomStream(5, 'hostile pictures');
  const noise = Uint8Array.from({ length: 3 * 64 * 48 }, () => random.integer(256));
  const raw = { raw: { width: 64, height: 48, channels: 3 as const } };
  const formats = ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const;

  test.each(formats)('%s cut off anywhere', async format => {
    const whole = await sharp(noise, raw).toFormat(format).toBuffer();
    await expect(decodeGivenPicture(whole, 'whole')).resolves.toMatchObject({ width: 64, height: 48 });
    for (const share of [0.02, 0.1, 0.3, 0.5, 0.7, 0.9]) {
      const cut = whole.subarray(0, Math.floor(whole.length * share));
      await expect(decodeGivenPicture(cut, 'cut.file'), `${format} ${share}`).rejects.toThrowError(
        unreadable(/^cut\.file: /),
      );
    }
  });

  test.each(formats)('%s with changed bytes: read, or refused with a code', async format => {
    const whole = await sharp(noise, raw).toFormat(format).toBuffer();
    let refused = 0;
    for (let n = 0; n < 40; n++) {
      const changed = new Uint8Array(whole);
      for (let k = 0; k < 6; k++) changed[random.integer(n % 2 ? 120 : changed.length)] = random.integer(256);
      const read = await decodeGivenMask(changed, 'changed').catch((error: unknown) => error);
      if (read instanceof Error) {
        expect(read).toBeInstanceOf(LoraError);
        expect((read as LoraError).code).toMatch(/^PICTURE_(UNREADABLE|TOO_LARGE)$/);
        refused++;
      } else expect(read).toMatchObject({ data: expect.any(Uint8Array) });
    }
    expect(refused).toBeGreaterThan(0);
  });
});

test('paths that no system has', async () => {
  await expect(readPicture(join(folder, 'x'.repeat(5000)))).rejects.toMatchObject({
    code: 'PICTURE_UNREADABLE',
  });
  await expect(readPicture('a\0b.png')).rejects.toMatchObject({ code: 'PICTURE_UNREADABLE' });
  await expect(readPicture('')).rejects.toMatchObject({ code: 'PICTURE_NOT_FOUND' });
});
