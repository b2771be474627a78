/** @file Half-width floats (IEEE float16, bfloat16) and 8-bit floats (E4M3FN, E5M2) to and from float32. */

const scratchFloat = new Float32Array(1);
const scratchBits = new Uint32Array(scratchFloat.buffer);

function bitsOf(x: number): number {
  scratchFloat[0] = x;
  return scratchBits[0];
}

/** float32 → float16 bits, round to nearest even, overflow to infinity (IEEE 754). */
export function floatToHalfBits(x: number): number {
  const bits = bitsOf(x);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | 0x7c00 | (magnitude > 0x7f800000 ? 0x200 : 0);
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x33000001) return sign;
  const exponent = magnitude >>> 23;
  if (exponent < 113) {
    const shift = 126 - exponent;
    const mantissa = (magnitude & 0x7fffff) | 0x800000;
    const half = mantissa >>> shift;
    const rest = mantissa & ((1 << shift) - 1);
    const middle = 1 << (shift - 1);
    return sign | (rest > middle || (rest === middle && half & 1) ? half + 1 : half);
  }
  const half = ((exponent - 112) << 10) | ((magnitude >>> 13) & 0x3ff);
  const rest = magnitude & 0x1fff;
  return sign | (rest > 0x1000 || (rest === 0x1000 && half & 1) ? half + 1 : half);
}

/** float16 bits → float32, exact. */
export function halfBitsToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

function makeTable(size: number, decode: (bits: number) => number): Float32Array {
  const table = new Float32Array(size);
  for (let bits = 0; bits < size; bits++) table[bits] = decode(bits);
  return table;
}

let halfNumbers: Float32Array | undefined;

/** The number of every pattern of bits. */
export function halfTable(): Float32Array {
  halfNumbers ??= makeTable(65536, halfBitsToFloat);
  return halfNumbers;
}

function e4m3ToFloat(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits >>> 3) & 15;
  const mantissa = bits & 7;
  if (exponent === 15 && mantissa === 7) return Number.NaN;
  return exponent === 0 ? (sign * mantissa) / 512 : sign * (1 + mantissa / 8) * 2 ** (exponent - 7);
}

/** Widens raw little-endian half floats to float32. */
export function widenHalf(source: Uint16Array): Float32Array {
  const table = halfTable();
  const out = new Float32Array(source.length);
  for (let i = 0; i < source.length; i++) out[i] = table[source[i]];
  return out;
}

export function widenBfloat(source: Uint16Array): Float32Array {
  const out = new Float32Array(source.length);
  const bits = new Uint32Array(out.buffer);
  for (let i = 0; i < source.length; i++) bits[i] = source[i] << 16;
  return out;
}

export function widenFloat8(source: Uint8Array, kind: 'float8_e4m3' | 'float8_e5m2'): Float32Array {
  const table = makeTable(256, kind === 'float8_e4m3' ? e4m3ToFloat : bits => halfBitsToFloat(bits << 8));
  const out = new Float32Array(source.length);
  for (let i = 0; i < source.length; i++) out[i] = table[source[i]];
  return out;
}

export function narrowToHalf(source: Float32Array): Uint16Array {
  const out = new Uint16Array(source.length);
  const words = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < words.length; i++) {
    const bits = words[i];
    const magnitude = bits & 0x7fffffff;
    // Normal in both: six times as fast as the general way, and a checkpoint has a billion of them.
    if (magnitude >= 0x38800000 && magnitude < 0x477ff000) {
      const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
      out[i] = ((bits >>> 16) & 0x8000) | ((rounded - 0x38000000) >>> 13);
    } else out[i] = floatToHalfBits(source[i]);
  }
  return out;
}

/** Rounds to nearest, ties to even; a NaN stays one. */
export function narrowToBfloat(source: Float32Array): Uint16Array {
  const out = new Uint16Array(source.length);
  const words = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < words.length; i++) {
    const bits = words[i];
    const isNotANumber = (bits & 0x7fffffff) > 0x7f800000;
    out[i] = isNotANumber ? (bits >>> 16) | 0x40 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
  }
  return out;
}

/** Layouts of 8 bits (OCP 8-bit floating point): bits of the mantissa, bias, what stands for numbers that are too large. */
const float8Layouts = {
  float8_e4m3: { mantissa: 3, bias: 7, largest: 0x7e, beyond: 0x7e },
  float8_e5m2: { mantissa: 2, bias: 15, largest: 0x7b, beyond: 0x7c },
} as const;

/** Rounds to nearest, ties to even. What is too large becomes 448 (e4m3, which has no infinity) or infinity (e5m2), as in PyTorch 2.13. */
export function narrowToFloat8(source: Float32Array, kind: keyof typeof float8Layouts): Uint8Array {
  const { mantissa, bias, largest, beyond } = float8Layouts[kind];
  const shift = 23 - mantissa;
  const smallestNormal = (128 - bias) << 23; // 2^(1 − bias), in the bits of a float32
  const steps = 2 ** (bias - 1 + mantissa);
  const out = new Uint8Array(source.length);
  const words = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < words.length; i++) {
    const magnitude = words[i] & 0x7fffffff;
    const sign = (words[i] >>> 24) & 0x80;
    if (magnitude < smallestNormal) out[i] = sign | roundHalfEven(Math.abs(source[i]) * steps);
    else if (magnitude > 0x7f800000) out[i] = sign | 0x7f;
    else {
      const rounded = magnitude + (1 << (shift - 1)) - 1 + ((magnitude >>> shift) & 1);
      const bits = (rounded - ((127 - bias) << 23)) >>> shift;
      out[i] = sign | (bits > largest ? beyond : bits);
    }
  }
  return out;
}

function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
