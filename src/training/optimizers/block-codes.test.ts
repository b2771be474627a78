import { expect, test } from 'vitest';
import { randomStream } from '../../engine/index.ts';
import { blockSize, encodeBlock, signedCodes, unsignedCodes } from './block-codes.ts';

/** Every float32 of a block is compared with all 256 values. */
test.each([
  ['signed', signedCodes],
  ['unsigned', unsignedCodes],
] as const)('each code of a block is the %s value nearest to the number', (kind, table) => {
  const stream = randomStream(1, 'block codes');
  for (let k = 0; k < 40; k++) {
    const numbers = Float32Array.from({ length: blockSize }, (_, i) => {
      // All sizes from 1 to 1e-9, and exact zeros.
      const x = i === 0 ? 0 : stream.normal() * 10 ** (-9 * stream.uniform());
      return kind === 'signed' ? x : Math.abs(x);
    });
    const codes = new Uint8Array(blockSize + 3);
    const largest = encodeBlock(numbers, blockSize, table, codes, 3);
    expect(largest).toBe(numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0));
    for (const [i, x] of numbers.entries()) {
      const distances = Array.from(table.values, value => Math.abs(value - x / largest));
      const nearest = Math.min(...distances);
      // Quotient and middle are rounded to float32.
      expect(distances[codes[3 + i]] - nearest).toBeLessThanOrEqual(2e-7 * Math.abs(x / largest));
    }
    expect(table.values[codes[3]]).toBe(0);
  }
});

test('a block of zeros has codes of 0 and size 0', () => {
  const codes = new Uint8Array(5).fill(9);
  expect(encodeBlock(new Float32Array(5), 5, signedCodes, codes, 0)).toBe(0);
  expect([...codes].map(code => signedCodes.values[code])).toEqual([0, 0, 0, 0, 0]);
});
