/**
 * @file Counter-based random streams: every number is a pure function of (seed, purpose, step, sample, index),
 * so a resumed run needs no generator state. Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as
 * easy as 1, 2, 3").
 */

const multiplier0 = 0xd2511f53;
const multiplier1 = 0xcd9e8d57;
const weyl0 = 0x9e3779b9;
const weyl1 = 0xbb67ae85;

function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  const cross = aHigh * bLow + ((aLow * bLow) >>> 16);
  const cross2 = aLow * bHigh + (cross % 0x10000);
  return (aHigh * bHigh + Math.floor(cross / 0x10000) + Math.floor(cross2 / 0x10000)) >>> 0;
}

/** One Philox4x32-10 block: four 32-bit words from a 128-bit counter and a 64-bit key. */
export function philox(counter: readonly number[], key: readonly number[]): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(multiplier0, c0);
    const low0 = Math.imul(multiplier0, c0) >>> 0;
    const high1 = multiplyHigh(multiplier1, c2);
    const low1 = Math.imul(multiplier1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + weyl0) >>> 0;
    k1 = (k1 + weyl1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** FNV-1a, to turn the purpose of a stream ("noise", "timestep", …) into a key word. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

export interface RandomStream {
  /** Uniform in [0, 1) with 53 bits. */
  uniform(): number;
  /** Standard normal (Box–Muller in float64). */
  normal(): number;
  /** Uniform integer in [0, bound). */
  integer(bound: number): number;
  /** `count` standard normals. */
  normals(count: number): Float32Array;
  /** A random order of 0 … count-1 (Fisher–Yates). */
  permutation(count: number): number[];
}

/** Opens the stream keyed by (seed, purpose, step, sample). Two different keys never share numbers in practice. */
export function randomStream(seed: number, purpose: string, step = 0, sample = 0): RandomStream {
  const key = [seed >>> 0, (hashText(purpose) ^ Math.floor(seed / 2 ** 32)) >>> 0];
  let block = 0;
  let words: number[] = [];
  let spare: number | undefined;
  const nextWord = (): number => {
    if (words.length === 0)
      words = philox([block++, Math.floor(step / 2 ** 32), step >>> 0, sample >>> 0], key);
    return words.pop() as number;
  };
  const uniform = (): number => ((nextWord() >>> 5) * 0x4000000 + (nextWord() >>> 6)) / 2 ** 53;
  const normal = (): number => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
  const integer = (bound: number): number => Math.floor(uniform() * bound);
  return {
    uniform,
    normal,
    integer,
    normals(count) {
      const out = new Float32Array(count);
      for (let i = 0; i < count; i++) out[i] = normal();
      return out;
    },
    permutation(count) {
      const order = Array.from({ length: count }, (_, i) => i);
      for (let i = count - 1; i > 0; i--) {
        const j = integer(i + 1);
        [order[i], order[j]] = [order[j], order[i]];
      }
      return order;
    },
  };
}
