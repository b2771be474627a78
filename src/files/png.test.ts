/** PNG pixels, read back by libvips; text chunks are tested in test/golden/picture-text.test.ts. */
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { randomStream } from '../engine/index.ts';
import { encodePng } from './png.ts';

test.each([
  [1, 1, 3],
  [37, 23, 3],
  [23, 37, 4],
] as const)('%i×%i with %i channels: smooth, striped and random rows', async (width, height, channels) => {
  const random = randomStream(1, 'pixels');
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const row = Math.floor(i / (width * channels));
    return [i & 255, (row * 5 + i) & 255, (i % 7) * 30, random.integer(256)][row % 4];
  });
  const png = encodePng({ width, height, channels, data }, { parameters: 'x' });
  const decoded = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  expect(decoded.info).toMatchObject({ width, height, channels });
  expect(new Uint8Array(decoded.data)).toEqual(data);
});

test('pixels that do not fit the size are refused', () => {
  expect(() => encodePng({ width: 2, height: 2, channels: 3, data: new Uint8Array(11) })).toThrow(RangeError);
});
