import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inpaintChannels } from '../diffusion/index.ts';
import type { Tensor } from '../engine/index.ts';
import { drawMask, type MaskPlace, maskRule } from './masks.ts';

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
/** Sides that buckets of real models have, and a few that are not multiples of 8. */
const anySide = fc.oneof(
  fc.integer({ min: 8, max: 40 }).map(n => 8 * n),
  fc.integer({ min: 64, max: 320 }),
);
const anyPlace: fc.Arbitrary<MaskPlace> = fc.record({
  pictureHash: fc.string().map(hashOf),
  mirrored: fc.boolean(),
  index: fc.integer({ min: 1, max: 6 }),
});

interface Facts {
  readonly area: number;
  /** Of the smallest rectangle around it. */
  readonly wide: number;
  readonly high: number;
}

function factsOf({ shape: [, , height, width], data }: Tensor): Facts {
  let [left, right, top, bottom, area] = [width, -1, height, -1, 0];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      if (data[y * width + x] === 0) continue;
      area++;
      [left, right, top, bottom] = [
        Math.min(left, x),
        Math.max(right, x),
        Math.min(top, y),
        Math.max(bottom, y),
      ];
    }
  return { area, wide: right - left + 1, high: bottom - top + 1 };
}

test('a mask is a rectangle or an ellipse of 0s and 1s, a quarter of each side at least', () => {
  fc.assert(
    fc.property(anyPlace, anySide, anySide, (place, width, height) => {
      const mask = drawMask(place, { width, height });
      expect(mask.shape).toEqual([1, 1, height, width]);
      expect(mask.data.every(x => x === 0 || x === 1)).toBe(true);
      const { area, wide, high } = factsOf(mask);
      expect(wide).toBeGreaterThanOrEqual(Math.floor(maskRule.leastSide * width));
      expect(high).toBeGreaterThanOrEqual(Math.floor(maskRule.leastSide * height));
      const share = area / (wide * high);
      // An ellipse fills π/4 of its rectangle; its edge of whole pixels makes a few percent of difference.
      if (share < 1) expect(Math.abs(share - Math.PI / 4)).toBeLessThan(0.05);
    }),
    { numRuns: 200 },
  );
});

test('the same picture gives the same mask; another picture, number or side another', () => {
  const size = { width: 64, height: 48 };
  fc.assert(
    fc.property(anyPlace, place => {
      const mask = drawMask(place, size);
      expect(drawMask({ ...place }, size)).toEqual(mask);
      const others = [
        { ...place, index: place.index + 1 },
        { ...place, mirrored: !place.mirrored },
        { ...place, pictureHash: hashOf(place.pictureHash) },
      ];
      const isSame = ({ data }: Tensor): boolean => data.every((x, i) => x === mask.data[i]);
      for (const other of others) expect(isSame(drawMask(other, size))).toBe(false);
    }),
  );
});

test('rectangles and ellipses come as often, and half of the masks hide between a sixth and a half', () => {
  const size = { width: 64, height: 64 };
  const facts = Array.from({ length: 2000 }, (_, i) =>
    factsOf(drawMask({ pictureHash: hashOf(String(i)), mirrored: false, index: 1 }, size)),
  );
  const rectangles = facts.filter(({ area, wide, high }) => area === wide * high).length;
  expect(rectangles / facts.length).toBeGreaterThan(0.45); // 4.5 standard deviations of 2,000 fair draws
  expect(rectangles / facts.length).toBeLessThan(0.55);
  const shares = facts.map(({ area }) => area / 64 ** 2).sort((a, b) => a - b);
  // Sides are uniform from 1/4 to 1, so their product has the quartiles 0.24 and 0.49, less for ellipses.
  expect(shares[500]).toBeGreaterThan(1 / 6);
  expect(shares[1500]).toBeLessThan(1 / 2);
});

test('every mask is seen in the latents: none is too small for every eighth pixel', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyPlace,
      fc.integer({ min: 8, max: 32 }),
      fc.integer({ min: 8, max: 32 }),
      async (place, w, h) => {
        const mask = drawMask(place, { width: 8 * w, height: 8 * h });
        const pixels = { shape: [1, 3, 8 * h, 8 * w], data: new Float32Array(3 * 64 * h * w).fill(1) };
        const seen: Tensor[] = [];
        const channels = await inpaintChannels({ pixels, mask }, async masked => {
          seen.push(masked);
          return { shape: [1, 4, h, w], data: new Float32Array(4 * h * w) };
        });
        expect(channels.shape).toEqual([1, 5, h, w]);
        const small = channels.data.subarray(0, h * w);
        expect(small.some(x => x === 1)).toBe(true);
        // Every eighth pixel, and grey where the mask is.
        for (let i = 0; i < h * w; i++)
          expect(small[i]).toBe(mask.data[8 * Math.floor(i / w) * 8 * w + 8 * (i % w)]);
        const area = mask.data.length;
        expect(seen[0].data.every((x, i) => x === 1 - mask.data[i % area])).toBe(true);
      },
    ),
    { numRuns: 50 },
  );
});
