/**
 * @file Numbers as 8-bit codes, 256 at a time (Dettmers et al. 2022, "8-bit optimizers via block-wise quantization"):
 * each block is divided by its largest absolute value, and each quotient is the nearest of 256 dynamic values.
 */

export const blockSize = 256;

export const blockCount = (length: number): number => Math.ceil(length / blockSize);

export interface CodeTable {
  /** The 256 values that a code may mean, rising. */
  readonly values: Float32Array;
  /** By the upper 16 bits of a float32: the lowest code that such a number may have. */
  readonly lowest: Uint8Array;
  /** Between code c and c + 1; beyond the last, infinity. */
  readonly middles: Float64Array;
}

const { fround } = Math;

/** Where `count` parts of 0.1 … 1 meet, as torch's float32 `linspace` rounds them: from both ends to the middle. */
function boundaries(count: number): number[] {
  const [low, part] = [fround(0.1), fround(fround(1 - fround(0.1)) / count)];
  const at = (i: number): number =>
    fround(i < Math.floor((count + 1) / 2) ? low + part * i : 1 - part * (count - i));
  return Array.from({ length: count + 1 }, (_, i) => at(i));
}

/**
 * Dynamic tree quantization (Dettmers 2016, §2.1.2), as bitsandbytes makes it, to the last bit: in each of seven
 * decades below 1 twice as many values as in the one below it, evenly spread, and 0 and 1. `hasSign`: both signs share
 * the values.
 */
function dynamicValues(hasSign: boolean): Float32Array {
  const decades = 7;
  const values = [0, 1];
  for (let decade = 0; decade < decades; decade++) {
    const size = fround(10 ** (decade - decades + 1));
    const ends = boundaries(2 ** (hasSign ? decade : decade + 1));
    for (let k = 0; k + 1 < ends.length; k++) {
      const value = fround(size * fround(fround(ends[k] + ends[k + 1]) / 2));
      values.push(value);
      if (hasSign) values.push(-value);
    }
  }
  return Float32Array.from(values).sort();
}

/** Bins of equal upper bits are narrower than the values are apart, so a code is a look-up and one comparison. */
function tableOf(values: Float32Array): CodeTable {
  const middles = new Float64Array(values.length).fill(Number.POSITIVE_INFINITY);
  for (let c = 0; c + 1 < values.length; c++) middles[c] = fround(values[c] + values[c + 1]) / 2;
  const lowest = new Uint8Array(65536);
  const bits = new Uint32Array(1);
  const number = new Float32Array(bits.buffer);
  for (let key = 0; key < 65536; key++) {
    // The lowest number of the bin: of negative ones that with all lower bits set.
    bits[0] = key * 65536 + (key >= 32768 ? 65535 : 0);
    let code = 0;
    while (code < 255 && middles[code] < number[0]) code++;
    lowest[key] = code;
  }
  return { values, lowest, middles };
}

/** For numbers of both signs. */
export const signedCodes = tableOf(dynamicValues(true));
/** For numbers ≥ 0. */
export const unsignedCodes = tableOf(dynamicValues(false));

const quotients = new Float32Array(blockSize);
const quotientBits = new Uint32Array(quotients.buffer);

/** Writes the codes of one block of numbers, from `codes[at]` on; returns its largest absolute value. */
export function encodeBlock(
  numbers: Float32Array,
  count: number,
  { lowest, middles }: CodeTable,
  codes: Uint8Array,
  at: number,
): number {
  let largest = 0;
  for (let i = 0; i < count; i++) {
    const size = Math.abs(numbers[i]);
    if (size > largest) largest = size;
  }
  const inverse = Math.fround(1 / Math.max(largest, 1e-38));
  for (let i = 0; i < count; i++) quotients[i] = numbers[i] * inverse;
  for (let i = 0; i < count; i++) {
    const code = lowest[quotientBits[i] >>> 16];
    codes[at + i] = quotients[i] > middles[code] ? code + 1 : code;
  }
  return largest;
}
