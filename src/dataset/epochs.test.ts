import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type EpochItem, planEpoch } from './epochs.ts';

const anyItem: fc.Arbitrary<EpochItem> = fc.record({
  bucket: fc.record({ width: fc.constantFrom(64, 80, 96), height: fc.constantFrom(64, 96) }),
  repeats: fc.integer({ min: 1, max: 5 }),
});
const anyEpoch = fc.record({
  items: fc.array(anyItem, { minLength: 1, maxLength: 30 }),
  batch: fc.integer({ min: 1, max: 8 }),
  seed: fc.integer({ min: 0, max: 2 ** 40 }),
  epoch: fc.integer({ min: 0, max: 1000 }),
});

test('every item appears exactly as often as it repeats', () => {
  fc.assert(
    fc.property(anyEpoch, options => {
      const counts = new Array<number>(options.items.length).fill(0);
      for (const index of planEpoch(options).flat()) counts[index]++;
      expect(counts).toEqual(options.items.map(item => item.repeats));
    }),
  );
});

test('batches hold one bucket, are never too large, and only one a bucket is short', () => {
  fc.assert(
    fc.property(anyEpoch, options => {
      const shortBuckets: string[] = [];
      for (const batch of planEpoch(options)) {
        const buckets = new Set(batch.map(index => JSON.stringify(options.items[index].bucket)));
        expect(buckets.size).toBe(1);
        expect(batch.length).toBeLessThanOrEqual(options.batch);
        if (batch.length < options.batch) shortBuckets.push(...buckets);
      }
      expect(new Set(shortBuckets).size).toBe(shortBuckets.length);
    }),
  );
});

test('the order depends on seed and epoch and on nothing else', () => {
  const items = Array.from({ length: 12 }, () => ({ bucket: { width: 64, height: 64 }, repeats: 2 }));
  const order = (seed: number, epoch: number) => planEpoch({ items, batch: 4, seed, epoch });
  expect(order(1, 0)).toEqual(order(1, 0));
  expect(order(1, 0)).not.toEqual(order(1, 1));
  expect(order(1, 0)).not.toEqual(order(2, 0));
});

test('the first place in the epoch is fair', () => {
  const items = Array.from({ length: 4 }, () => ({ bucket: { width: 64, height: 64 }, repeats: 1 }));
  const counts = [0, 0, 0, 0];
  for (let epoch = 0; epoch < 4000; epoch++) counts[planEpoch({ items, batch: 1, seed: 3, epoch })[0][0]]++;
  // 1000 expected each; 5 standard deviations of a binomial count are 137.
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(137);
});

test('refuses a batch of zero', () => {
  expect(() => planEpoch({ items: [], batch: 0, seed: 1, epoch: 0 })).toThrow(RangeError);
});
