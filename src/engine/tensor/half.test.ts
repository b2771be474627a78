/** Half floats: all bit patterns there and back, and roundings against torch (tools/goldens/half.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  floatToHalfBits,
  halfBitsToFloat,
  narrowToBfloat,
  narrowToFloat8,
  narrowToHalf,
  widenBfloat,
  widenFloat8,
  widenHalf,
} from './half.ts';

interface Goldens {
  readonly float32: number[];
  readonly float16: number[];
  readonly bfloat16: number[];
  /** Bits of the float32 of each byte; null for NaN. */
  readonly float8_e4m3: (number | null)[];
  readonly float8_e5m2: (number | null)[];
  readonly narrowed8: Readonly<Record<'float32' | 'float8_e4m3' | 'float8_e5m2', number[]>>;
}
const goldens: Goldens = JSON.parse(
  readFileSync(new URL('../../../test/golden/data/half.json', import.meta.url), 'utf8'),
);

const every16Bits = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
const given = new Float32Array(Uint32Array.from(goldens.float32).buffer);

/** Pairs that differ, so that a failure shows numbers and not 65,536 lines. */
function differences(actual: ArrayLike<number>, expected: ArrayLike<number>): string[] {
  expect(actual.length).toBe(expected.length);
  return Array.from(expected).flatMap((bits, i) =>
    actual[i] === bits ? [] : [`${i}: ${actual[i]} for ${bits}`],
  );
}

describe('float16', () => {
  test('every pattern survives widening and narrowing; NaN stays NaN', () => {
    const wide = widenHalf(every16Bits);
    const isNaNPattern = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;
    const back = narrowToHalf(wide);
    const numbers = every16Bits.filter(bits => !isNaNPattern(bits));
    expect(
      differences(
        back.filter((_, bits) => !isNaNPattern(bits)),
        numbers,
      ),
    ).toEqual([]);
    expect([...wide.keys()].filter(bits => Number.isNaN(wide[bits]) !== isNaNPattern(bits))).toEqual([]);
    expect([...back.keys()].filter(bits => isNaNPattern(bits) !== isNaNPattern(back[bits]))).toEqual([]);
  });

  test('ordered patterns are ordered numbers', () => {
    const finite = widenHalf(every16Bits.subarray(0, 0x7c01));
    expect(finite.findIndex((x, i) => i > 0 && !(x > finite[i - 1]))).toBe(-1);
  });

  test.each([
    [0x0000, 0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3555, 0.333251953125],
    [0x3c00, 1],
    [0x7bff, 65504],
    [0xc000, -2],
    [0xfc00, Number.NEGATIVE_INFINITY],
  ])('pattern %i is %f (IEEE 754)', (bits, value) => {
    expect(halfBitsToFloat(bits)).toBe(value);
    expect(floatToHalfBits(value)).toBe(bits);
  });

  test('rounds as torch does: ties, subnormals, overflow', () => {
    expect(given.length).toBeGreaterThan(1000);
    expect(differences(narrowToHalf(given), goldens.float16)).toEqual([]);
  });

  test.each([
    [65519.99609375, 65504],
    [65520, Number.POSITIVE_INFINITY],
    [2 ** -25, 0],
    [2 ** -25 * (1 + 2 ** -23), 2 ** -24],
    [2049, 2048],
    [2051, 2052],
  ])('%f becomes %f', (x, rounded) => {
    expect(halfBitsToFloat(floatToHalfBits(x))).toBe(rounded);
  });
});

describe('bfloat16', () => {
  test('every pattern survives widening and narrowing; NaN stays NaN', () => {
    const back = narrowToBfloat(widenBfloat(every16Bits));
    const isNaNPattern = (bits: number): boolean => (bits & 0x7fff) > 0x7f80;
    const numbers = every16Bits.filter(bits => !isNaNPattern(bits));
    expect(
      differences(
        back.filter((_, bits) => !isNaNPattern(bits)),
        numbers,
      ),
    ).toEqual([]);
    expect([...back.keys()].filter(bits => isNaNPattern(bits) !== isNaNPattern(back[bits]))).toEqual([]);
  });

  test('rounds as torch does', () => {
    expect(differences(narrowToBfloat(given), goldens.bfloat16)).toEqual([]);
  });

  test('a NaN whose payload lies in the low half is still NaN', () => {
    const payload = new Float32Array(Uint32Array.of(0x7f800001).buffer);
    expect(narrowToBfloat(payload)[0] & 0x7fff).toBeGreaterThan(0x7f80);
  });
});

describe.each(['float8_e4m3', 'float8_e5m2'] as const)('%s', kind => {
  test('all 256 values are those of torch', () => {
    const wide = widenFloat8(
      Uint8Array.from({ length: 256 }, (_, i) => i),
      kind,
    );
    const bits = new Uint32Array(wide.buffer);
    const actual = Array.from(wide, (x, i) => (Number.isNaN(x) ? null : bits[i]));
    expect(actual).toEqual(goldens[kind]);
  });

  test('rounds as torch does; NaN stays NaN', () => {
    const { float32, ...rounded } = goldens.narrowed8;
    const narrow = narrowToFloat8(new Float32Array(Uint32Array.from(float32).buffer), kind);
    expect(differences(narrow, rounded[kind])).toEqual([]);
    const nan = narrowToFloat8(Float32Array.of(Number.NaN), kind);
    expect(widenFloat8(nan, kind)[0]).toBeNaN();
  });
});
