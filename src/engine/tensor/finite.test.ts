import fc from 'fast-check';
import { expect, test } from 'vitest';
import { indexOfNotFinite } from './finite.ts';

test('the first number that is not finite, as Number.isFinite has it', () => {
  const float = fc.float({ noDefaultInfinity: false, noNaN: false });
  fc.assert(
    fc.property(fc.array(float), fc.nat(3), (numbers, start) => {
      const whole = Float32Array.from([...Array(start).fill(0), ...numbers]);
      const part = whole.subarray(start);
      expect(indexOfNotFinite(part)).toBe(part.findIndex(x => !Number.isFinite(x)));
    }),
  );
  expect(indexOfNotFinite(Float32Array.of(3.4e38, -0, 1e-45))).toBe(-1);
});
