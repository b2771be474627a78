import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { averageAreas, makeLossMask } from './loss-masks.ts';

interface Golden {
  width: number;
  height: number;
  levels: number[];
  /** sd-scripts' masked loss where every loss is 1. */
  alpha: number[];
  picture: number[];
  /** torch's area interpolation to 7x5. */
  uneven: number[];
}
const golden: Golden = JSON.parse(
  readFileSync(new URL('../../test/golden/data/kohya-masks.json', import.meta.url), 'utf8'),
);
const { width, height, levels } = golden;
const size = { width, height };
const plan = { bucket: size, resized: size, crop: { left: 0, top: 0 } };
const raw = { raw: { width, height, channels: 1 as const } };
const red = await sharp(Uint8Array.from(levels), raw).png().toBuffer();
const alpha = await sharp({ create: { width, height, channels: 3, background: '#123456' } })
  .joinChannel(Buffer.from(levels), raw)
  .png()
  .toBuffer();

/** Rounding of the golden's six decimals and of float32 sums. */
const close = (actual: Float32Array, expected: readonly number[]): void => {
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(Math.abs(actual[i] - value)).toBeLessThan(2e-6);
};

test('shares are those that sd-scripts multiplies the loss by', async () => {
  const latent = { width: 6, height: 4 };
  const fromAlpha = await makeLossMask({ bytes: alpha, part: 'alpha', name: 'a' }, plan, latent, 0);
  expect(fromAlpha.shape).toEqual([1, 1, 4, 6]);
  close(fromAlpha.data, golden.alpha);
  close((await makeLossMask({ bytes: red, part: 'red', name: 'a' }, plan, latent, 0)).data, golden.picture);
  const pixels = Float32Array.from(levels, level => level / 255);
  close(averageAreas(pixels, size, { width: 7, height: 5 }), golden.uneven);
});

test('the mask is cropped and mirrored with its picture, and nowhere below what counts outside', async () => {
  const latent = { width: 2, height: 4 };
  const cut = { ...plan, bucket: { width: 16, height }, crop: { left: 8, top: 0 } };
  const source = { bytes: red, part: 'red' as const, name: 'a' };
  const upright = (await makeLossMask(source, cut, latent, 0)).data;
  close(
    upright,
    golden.picture.filter((_, i) => i % 6 === 1 || i % 6 === 2),
  );
  const mirrored = (await makeLossMask(source, { ...cut, flip: true }, latent, 0)).data;
  for (let i = 0; i < mirrored.length; i++) expect(mirrored[i]).toBeCloseTo(upright[i ^ 1], 6);
  const floored = (await makeLossMask(source, cut, latent, 0.5)).data;
  expect(floored).toEqual(upright.map(share => Math.max(share, 0.5)));
});

test('a mask of 16 bits and one of another size lie on the picture as the others do', async () => {
  const deep = await sharp(
    Uint16Array.from(levels, level => 257 * level),
    {
      raw: { width, height, channels: 1 },
    },
  )
    .toColourspace('grey16')
    .png()
    .toBuffer();
  expect((await sharp(deep).metadata()).depth).toBe('ushort');
  const latent = { width: 6, height: 4 };
  const shares = async (bytes: Uint8Array) =>
    (await makeLossMask({ bytes, part: 'red', name: 'a' }, plan, latent, 0)).data;
  close(await shares(deep), golden.picture);
  const half = await sharp(red).resize(24, 16, { kernel: 'lanczos3' }).png().toBuffer();
  const halved = await shares(half);
  // A smooth mask, resampled twice.
  for (const [i, share] of golden.picture.entries()) expect(Math.abs(halved[i] - share)).toBeLessThan(0.02);
});
