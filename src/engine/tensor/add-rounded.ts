/**
 * @file Adds float32 numbers to numbers of a narrower type in place, each sum rounded once. One pass over both: as much
 * is read and written as must be, and nothing is made.
 */
import { floatToHalfBits, halfTable } from './half.ts';
import type { DType } from './tensor.ts';

/** Types whose numbers can be added to where they lie. */
export type AddableDType = Extract<DType, 'float32' | 'float16' | 'bfloat16'>;

export const isAddable = (dtype: DType): dtype is AddableDType =>
  dtype === 'float32' || dtype === 'float16' || dtype === 'bfloat16';

const hasNativeHalf = typeof Float16Array === 'function';

/** Sums wait here to be rounded; small enough to stay in the processor's first cache. */
const sums = new Float32Array(4096);
const sumBits = new Uint32Array(sums.buffer);

/** With the processor's own half floats, which Node has from version 24 on: half again as fast. */
function addToNativeHalf(halves: Uint16Array, numbers: Float32Array): number {
  const floats = new Float16Array(halves.buffer, halves.byteOffset, halves.length);
  for (let i = 0; i < floats.length; i++) floats[i] = Math.fround(floats[i] + numbers[i]);
  for (let i = 0; i < halves.length; i++) if ((halves[i] & 0x7c00) === 0x7c00) return i;
  return -1;
}

/** As addToNativeHalf, bit for bit. */
export function addToHalf(halves: Uint16Array, numbers: Float32Array): number {
  const table = halfTable();
  let bad = -1;
  for (let start = 0; start < halves.length; start += sums.length) {
    const count = Math.min(sums.length, halves.length - start);
    for (let i = 0; i < count; i++) sums[i] = table[halves[start + i]] + numbers[start + i];
    for (let i = 0; i < count; i++) {
      const bits = sumBits[i];
      const magnitude = bits & 0x7fffffff;
      // Normal in both: as narrowToHalf.
      if (magnitude >= 0x38800000 && magnitude < 0x477ff000) {
        const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
        halves[start + i] = ((bits >>> 16) & 0x8000) | ((rounded - 0x38000000) >>> 13);
      } else {
        const half = floatToHalfBits(sums[i]);
        halves[start + i] = half;
        if (bad < 0 && (half & 0x7c00) === 0x7c00) bad = start + i;
      }
    }
  }
  return bad;
}

function addToBfloat(bfloats: Uint16Array, numbers: Float32Array): number {
  let bad = -1;
  for (let start = 0; start < bfloats.length; start += sums.length) {
    const count = Math.min(sums.length, bfloats.length - start);
    for (let i = 0; i < count; i++) sumBits[i] = bfloats[start + i] << 16;
    for (let i = 0; i < count; i++) sums[i] += numbers[start + i];
    for (let i = 0; i < count; i++) {
      const bits = sumBits[i];
      const isNotANumber = (bits & 0x7fffffff) > 0x7f800000;
      const rounded = isNotANumber ? (bits >>> 16) | 0x40 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
      bfloats[start + i] = rounded;
      if (bad < 0 && (rounded & 0x7f80) === 0x7f80) bad = start + i;
    }
  }
  return bad;
}

function addToFloat(floats: Float32Array, numbers: Float32Array): number {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  let bad = -1;
  for (let i = 0; i < floats.length; i++) {
    floats[i] += numbers[i];
    if (bad < 0 && (bits[i] & 0x7f800000) === 0x7f800000) bad = i;
  }
  return bad;
}

/** Adds in place; returns the index of the first sum that the type has no number for, or −1. */
export function addRounded(
  { buffer, byteOffset, byteLength }: Uint8Array,
  dtype: AddableDType,
  numbers: Float32Array,
): number {
  switch (dtype) {
    case 'float32':
      return addToFloat(new Float32Array(buffer, byteOffset, byteLength / 4), numbers);
    case 'float16':
      return (hasNativeHalf ? addToNativeHalf : addToHalf)(
        new Uint16Array(buffer, byteOffset, byteLength / 2),
        numbers,
      );
    case 'bfloat16':
      return addToBfloat(new Uint16Array(buffer, byteOffset, byteLength / 2), numbers);
  }
}
