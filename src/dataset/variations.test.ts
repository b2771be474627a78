import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assignBucket, bucketSizes } from './buckets.ts';
import { shiftColours } from './colour.ts';
import { plainRules } from './picture-rules.ts';
import { cornerOf, drawForm, planForms } from './variations.ts';

interface Colours {
  rgb: number[];
  shifted: { shift: number; rgb: number[] }[];
  exact: { degrees: number; rgb: number[] }[];
}
const colours: Colours = JSON.parse(
  readFileSync(new URL('../../test/golden/data/kohya-colours.json', import.meta.url), 'utf8'),
);

/** Interleaved → planar. */
const planes = (rgb: readonly number[]): Float32Array =>
  Float32Array.from(rgb, (_, i) => rgb[3 * (i % (rgb.length / 3)) + Math.floor((3 * i) / rgb.length)]);

function differences(a: Float32Array, b: Float32Array): { largest: number; mean: number } {
  const off = a.map((x, i) => Math.abs(x - b[i]));
  return { largest: Math.max(...off), mean: off.reduce((sum, x) => sum + x, 0) / off.length };
}

test('hues are turned as by Python’s colorsys, and as by sd-scripts but for its whole hues', () => {
  for (const { degrees, rgb } of colours.exact) {
    const levels = planes(colours.rgb);
    shiftColours(levels, { hue: degrees });
    expect(differences(levels, planes(rgb)).largest).toBeLessThan(0.01); // the golden has two decimals
  }
  for (const { shift, rgb } of colours.shifted) {
    const levels = planes(colours.rgb);
    shiftColours(levels, { hue: 2 * shift });
    // OpenCV's hues are whole numbers of 2°, cut off after the shift: up to 3° or 13 levels of a pure colour.
    const { largest, mean } = differences(levels, planes(rgb));
    expect(largest).toBeLessThanOrEqual(13);
    expect(mean).toBeLessThan(3);
  }
});

test('a gamma of 1 and a whole turn change nothing; black and white stay', () => {
  const levels = planes(colours.rgb);
  const [turned, bent] = [levels.slice(), levels.slice()];
  shiftColours(turned, { hue: 360 });
  shiftColours(bent, { gamma: 1 });
  expect(differences(turned, levels).largest).toBeLessThan(1e-4);
  expect(differences(bent, levels).largest).toBeLessThan(1e-4);
  const ends = Float32Array.of(0, 255, 0, 255, 0, 255);
  shiftColours(ends, { gamma: 0.95 });
  shiftColours(ends, { hue: 16 });
  expect([...ends]).toEqual([0, 255, 0, 255, 0, 255]);
});

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const buckets = bucketSizes({ resolution: { width: 512, height: 512 }, min: 256, max: 1024, step: 64 });
const anyPicture = fc.record({
  width: fc.integer({ min: 16, max: 3000 }),
  height: fc.integer({ min: 16, max: 3000 }),
  hash: fc.string().map(hashOf),
});

test('every crop is inside the picture and as large as its bucket, and near where it was with jitter alone', () => {
  fc.assert(
    fc.property(
      anyPicture,
      fc.boolean(),
      fc.double({ min: 0, max: 0.5, noNaN: true }),
      (size, randomCrop, cropJitter) => {
        const rules = { ...plainRules, randomCrop, cropJitter, variants: 4 };
        const plan = assignBucket(size, buckets);
        for (let index = 0; index < 4; index++) {
          const { bucket, resized, crop } = drawForm({ ...size, rules }, plan, index);
          expect(bucket).toEqual(plan.bucket);
          expect(Math.min(crop.left, crop.top)).toBeGreaterThanOrEqual(0);
          expect(crop.left + bucket.width).toBeLessThanOrEqual(resized.width);
          expect(crop.top + bucket.height).toBeLessThanOrEqual(resized.height);
          const nearer = resized.width / plan.resized.width;
          expect(nearer).toBeGreaterThan(1 - 1 / plan.resized.width);
          expect(nearer).toBeLessThan(1 / (1 - cropJitter) + 1 / plan.resized.width);
          if (randomCrop) continue;
          const centre = (crop.left + bucket.width / 2) / nearer;
          const before = plan.crop.left + bucket.width / 2;
          expect(Math.abs(centre - before)).toBeLessThanOrEqual(cropJitter * bucket.width + 2);
        }
      },
    ),
  );
});

test('without enlarging, no form is nearer than the pixels of the picture', () => {
  const size = { width: 700, height: 560 };
  const plan = {
    bucket: { width: 512, height: 448 },
    resized: { width: 560, height: 448 },
    crop: { left: 24, top: 0 },
  };
  const rules = { ...plainRules, cropJitter: 0.5, variants: 50 };
  const picture = { ...size, hash: hashOf('a'), rules };
  const widths = (noEnlarging: boolean) =>
    planForms(picture, plan, { noEnlarging }).map(({ resized }) => resized.width);
  expect(Math.max(...widths(true))).toBe(700);
  expect(Math.max(...widths(false))).toBeGreaterThan(900);
});

test('forms follow from the picture alone; a third have other colours, half of these another hue', () => {
  const rules = { ...plainRules, colour: true, variants: 1000 };
  const forms = (name: string) => {
    const size = { width: 512, height: 512, hash: hashOf(name), rules };
    return planForms(size, assignBucket(size, buckets));
  };
  expect(forms('a')).toEqual(forms('a'));
  expect(forms('a')).not.toEqual(forms('b'));
  const shifts = forms('a').flatMap(({ colour }) => colour ?? []);
  // Five standard deviations of 1000 draws at 0.33 are 75; of 330 at a half 45.
  expect(Math.abs(shifts.length - 330)).toBeLessThan(75);
  const hues = shifts.flatMap(shift => ('hue' in shift ? [shift.hue] : []));
  expect(Math.abs(hues.length - shifts.length / 2)).toBeLessThan(45);
  expect(Math.max(...hues.map(Math.abs))).toBeLessThanOrEqual(16);
  for (const shift of shifts) {
    if ('gamma' in shift) expect(Math.abs(shift.gamma - 1)).toBeLessThanOrEqual(0.05);
  }
});

test('in the mirror, the corner of a moved crop is that of the mirrored picture', () => {
  const plan = {
    ...{ bucket: { width: 64, height: 64 }, resized: { width: 100, height: 64 }, crop: { left: 10, top: 0 } },
    flip: true,
  };
  expect(cornerOf(plan, { ...plainRules, randomCrop: true, variants: 2 })).toEqual({ left: 26, top: 0 });
  expect(cornerOf(plan, plainRules)).toEqual({ left: 10, top: 0 });
});
