/** Previews against the true picture that diffusers drew with the embedded model (tools/goldens/pocket.py). */
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { encodePng, openSafetensors, type Pixels, readTensor } from '../../files/index.ts';
import { latentColours } from './latent-colours.ts';
import { latentPreview } from './latent-preview.ts';

const golden = openSafetensors(
  fileURLToPath(new URL('../../../test/golden/data/pocket.safetensors', import.meta.url)),
);
const latentOf = (name: string) => {
  const { shape, data } = readTensor(golden, name);
  return { shape: shape.slice(1), data };
};

/** A picture [1, 3, h, w] in −1 … 1 as a preview should show it: squares of side² pixels averaged, clamped to 0 … 255. */
function averaged(name: string, side: number): number[] {
  const { shape, data } = readTensor(golden, name);
  const [, , height, width] = shape;
  const out = new Array<number>(data.length / side ** 2).fill(0);
  for (const [i, value] of data.entries()) {
    const [x, y, c] = [i % width, Math.floor(i / width) % height, Math.floor(i / (width * height))];
    const level = Math.min(1, Math.max(0, (value + 1) / 2)) * 255;
    out[3 * (Math.floor(y / side) * (width / side) + Math.floor(x / side)) + c] += level / side ** 2;
  }
  return out;
}

/** Pearson's correlation. */
function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const mean = (x: ArrayLike<number>): number => Array.from(x).reduce((sum, y) => sum + y) / x.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [product, squaresA, squaresB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += (a[i] - meanA) * (b[i] - meanB);
    squaresA += (a[i] - meanA) ** 2;
    squaresB += (b[i] - meanB) ** 2;
  }
  return product / Math.sqrt(squaresA * squaresB);
}

/** Neither picture is one of those that the colours were fitted to. Measured 0.92 and 0.95. */
test.each([
  ['sampled', 'drawn', 0.9],
  ['latent', 'reconstruction', 0.9],
])('the preview of "%s" looks like "%s"', (latent, picture, bound) => {
  const preview = latentPreview(latentOf(latent), 'pocket');
  const side = readTensor(golden, picture).shape[2] / preview.height;
  const likeness = correlation(preview.data, averaged(picture, side));
  console.log(`${latent}: ${likeness.toFixed(3)}`);
  expect(likeness).toBeGreaterThan(bound);
});

test.each(['sd15', 'sd2', 'sdxl'] as const)(
  '%s: each channel has its colour, nothing is the bias',
  family => {
    const { factors, bias } = latentColours[family];
    const shape = [4, 1, 5];
    // Pixel p has 1 in channel p and 0 elsewhere; the last has nothing.
    const data = Float32Array.from({ length: 20 }, (_, i) => (Math.floor(i / 5) === i % 5 ? 1 : 0));
    const level = (x: number): number => Math.round(Math.min(1, Math.max(0, (x + 1) / 2)) * 255);
    const wanted = [...factors.map(row => row.map((x, i) => x + bias[i])), bias].flat().map(level);
    expect([...latentPreview({ shape, data }, family).data]).toEqual(wanted);
  },
);

test('enlarged: linear between the middles of pixels, level beyond', () => {
  const shape = [4, 1, 2];
  const data = Float32Array.of(-1, 1, 0, 0, 0, 0, 0, 0);
  const red = (pixels: Pixels): number[] => [...pixels.data].filter((_, i) => i % 3 === 0);
  const [left, right] = red(latentPreview({ shape, data }, 'sd15'));
  const large = latentPreview({ shape, data }, 'sd15', { scale: 4 });
  expect([large.width, large.height]).toEqual([8, 4]);
  const row = red(large).slice(0, 8);
  expect(row[0]).toBe(left);
  expect(row[7]).toBe(right);
  for (const [x, value] of row.entries()) {
    const share = Math.min(1, Math.max(0, (x + 0.5) / 4 - 0.5));
    expect(Math.abs(value - (left + (right - left) * share))).toBeLessThanOrEqual(1); // rounded twice
  }
});

test('is a picture that others read', async () => {
  const preview = latentPreview(latentOf('sampled'), 'pocket', { scale: 8 });
  const { width, height, channels, format } = await sharp(encodePng(preview)).metadata();
  expect({ width, height, channels, format }).toEqual({ width: 64, height: 64, channels: 3, format: 'png' });
});

test('a latent of another autoencoder is refused', () => {
  expect(() => latentPreview(latentOf('sampled'), 'sdxl')).toThrow(/sdxl has 4 channels, not 12/);
});
