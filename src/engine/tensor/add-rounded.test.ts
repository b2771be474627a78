import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AddableDType, addRounded, addToHalf } from './add-rounded.ts';
import { narrowToBfloat, narrowToHalf, widenBfloat, widenHalf } from './half.ts';

const inSteps: Readonly<
  Record<AddableDType, (base: Float32Array, numbers: Float32Array) => [Uint8Array, Float32Array]>
> = {
  float32: (base, numbers) => {
    const sum = base.map((x, i) => x + numbers[i]);
    return [new Uint8Array(sum.buffer), sum];
  },
  float16: (base, numbers) => {
    const narrow = narrowToHalf(widenHalf(narrowToHalf(base)).map((x, i) => x + numbers[i]));
    return [new Uint8Array(narrow.buffer), widenHalf(narrow)];
  },
  bfloat16: (base, numbers) => {
    const narrow = narrowToBfloat(widenBfloat(narrowToBfloat(base)).map((x, i) => x + numbers[i]));
    return [new Uint8Array(narrow.buffer), widenBfloat(narrow)];
  },
};

const stored = (base: Float32Array, dtype: AddableDType): Uint8Array => {
  const data =
    dtype === 'float16' ? narrowToHalf(base) : dtype === 'bfloat16' ? narrowToBfloat(base) : base.slice();
  return new Uint8Array(data.buffer);
};

describe.each(['float32', 'float16', 'bfloat16'] as const)('%s', dtype => {
  const pairs = fc.array(fc.tuple(fc.float({ noNaN: true }), fc.float({ noNaN: true })), {
    minLength: 1,
    maxLength: 9000,
  });

  test('in one pass as step by step, bit for bit', () => {
    fc.assert(
      fc.property(pairs, list => {
        const base = Float32Array.from(list, ([x]) => x);
        const numbers = Float32Array.from(list, ([, y]) => y);
        const bytes = stored(base, dtype);
        const [expected, values] = inSteps[dtype](base, numbers);
        const bad = addRounded(bytes, dtype, numbers);
        expect(bad).toBe(values.findIndex(x => !Number.isFinite(x)));
        // What is no number has many patterns of bits.
        if (!values.some(Number.isNaN)) expect(Buffer.compare(bytes, expected)).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test('more than fit at once, and the first that is too large', () => {
    const numbers = new Float32Array(10_000).fill(0.25);
    numbers[7001] = 3.4e38;
    numbers[9000] = Number.NaN;
    const base = new Float32Array(10_000).fill(0.5);
    if (dtype === 'float32') base[7001] = 3.4e38;
    if (dtype === 'bfloat16') numbers[7001] = 3.4027e38;
    const bytes = stored(base, dtype);
    expect(addRounded(bytes, dtype, numbers)).toBe(7001);
    expect(
      Buffer.compare(
        bytes.subarray(0, 14_002),
        stored(new Float32Array(10_000).fill(0.75), dtype).subarray(0, 14_002),
      ),
    ).toBe(0);
  });
});

test('half floats of the processor and of this file are the same, for every pattern of bits', () => {
  const numbers = Float32Array.from({ length: 65_536 }, (_, i) => Math.sin(i) * 2 ** ((i % 40) - 30));
  const halves = Uint16Array.from({ length: 65_536 }, (_, i) => i);
  const native = halves.slice();
  addToHalf(halves, numbers);
  addRounded(new Uint8Array(native.buffer), 'float16', numbers);
  const isNumber = (half: number): boolean => (half & 0x7fff) <= 0x7c00;
  for (const [i, half] of halves.entries())
    expect(isNumber(half) ? native[i] : isNumber(native[i]), `bits ${i}`).toBe(isNumber(half) ? half : false);
});
