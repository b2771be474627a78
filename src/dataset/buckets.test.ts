import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assignBucket, assignBucketWithoutEnlarging, type BucketAssignment, bucketSizes } from './buckets.ts';

interface GoldenCase {
  options: { resolution: { width: number; height: number }; min: number; max: number; step: number };
  sizes: [number, number][];
  /** width, height, bucket, resized, crop; what sd-scripts' own `BucketManager` chose */
  assigned: number[][];
  assignedWithoutEnlarging: number[][];
}

const golden: GoldenCase[] = JSON.parse(
  readFileSync(new URL('../../test/golden/data/kohya-buckets.json', import.meta.url), 'utf8'),
);

function asRow([width, height]: number[], { bucket, resized, crop }: BucketAssignment): number[] {
  return [width, height, bucket.width, bucket.height, resized.width, resized.height, crop.left, crop.top];
}

test('kohya counts: 512 → 17 buckets, 1024 → 25, 1024 up to 2048 → 41', () => {
  const count = (side: number, max: number) =>
    bucketSizes({ resolution: { width: side, height: side }, min: 256, max, step: 64 }).length;
  expect([count(512, 1024), count(1024, 1024), count(1024, 2048)]).toEqual([17, 25, 41]);
});

for (const { options, sizes, assigned, assignedWithoutEnlarging } of golden) {
  const name = `${options.resolution.width}x${options.resolution.height}, ${options.min} to ${options.max} by ${options.step}`;
  test(`${name}: sizes and assignments equal those of sd-scripts exactly`, () => {
    const buckets = bucketSizes(options);
    expect(buckets.map(({ width, height }) => [width, height])).toEqual(sizes);
    for (const row of assigned) {
      expect(asRow(row, assignBucket({ width: row[0], height: row[1] }, buckets))).toEqual(row);
    }
  });
  test(`${name}: assignments without enlarging equal those of sd-scripts exactly`, () => {
    for (const row of assignedWithoutEnlarging) {
      const size = { width: row[0], height: row[1] };
      const assignment = assignBucketWithoutEnlarging(size, options.resolution, options.step);
      expect(asRow(row, assignment)).toEqual(row);
    }
  });
}

test('a side of up to twice the resolution, as ours by default, has the SDXL sizes; a largest side of 1024 has none of them', () => {
  const sizes = (max: number) =>
    bucketSizes({ resolution: { width: 1024, height: 1024 }, min: 512, max, step: 64 }).map(
      ({ width, height }) => `${width}x${height}`,
    );
  // The sizes of the SDXL report's appendix whose area is not above 1024².
  const usual = [
    '1024x1024',
    '832x1216',
    '1216x832',
    '896x1152',
    '1152x896',
    '768x1344',
    '640x1536',
    '1536x640',
  ];
  expect(sizes(2048)).toEqual(expect.arrayContaining(usual));
  expect(sizes(1024).filter(size => usual.includes(size))).toEqual(['1024x1024']);
});

test('for any picture the bucket lies inside the resized picture and has whole steps', () => {
  const buckets = bucketSizes({ resolution: { width: 512, height: 512 }, min: 256, max: 1024, step: 64 });
  const side = fc.integer({ min: 1, max: 20_000 });
  fc.assert(
    fc.property(side, side, (width, height) => {
      const size = { width, height };
      const ways = [
        assignBucket(size, buckets),
        assignBucketWithoutEnlarging(size, { width: 512, height: 512 }, 64),
      ];
      for (const { bucket, resized, crop } of ways) {
        expect(bucket.width % 64).toBe(0);
        expect(bucket.height % 64).toBe(0);
        expect(Math.min(bucket.width, bucket.height)).toBeGreaterThanOrEqual(64);
        expect(Math.min(crop.left, crop.top)).toBeGreaterThanOrEqual(0);
        expect(crop.left + bucket.width).toBeLessThanOrEqual(resized.width);
        expect(crop.top + bucket.height).toBeLessThanOrEqual(resized.height);
      }
    }),
  );
});

test('refuses sizes that are no whole steps, and a step that leaves no bucket', () => {
  const resolution = { width: 64, height: 64 };
  expect(() => bucketSizes({ resolution, min: 30, max: 128, step: 8 })).toThrow(
    expect.objectContaining({ code: 'BUCKET_OPTIONS' }),
  );
  expect(() => bucketSizes({ resolution, min: 128, max: 256, step: 128 })).toThrow(
    expect.objectContaining({ code: 'BUCKET_OPTIONS' }),
  );
  expect(() => bucketSizes({ resolution, min: 8, max: 64, step: Number.NaN })).toThrow(/step.*NaN/);
});
