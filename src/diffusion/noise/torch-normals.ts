/** @file Normals equal to torch's CPU generator: MT19937 (Matsumoto & Nishimura 1998) and torch's normal_. */

function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(624);
  state[0] = seed;
  for (let i = 1; i < 624; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  let index = 624;
  const twist = (): void => {
    for (let i = 0; i < 624; i++) {
      const y = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff);
      state[i] = state[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    index = 0;
  };
  return () => {
    if (index === 624) twist();
    let y = state[index++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

/** A seeded stream of standard normals, as `torch.Generator` is one. */
export interface TorchGenerator {
  /** As `torch.randn(count, generator=g)`; the next call continues the stream. */
  normals(count: number): Float32Array;
}

const { fround } = Math;
const twoPi = fround(2 * Math.PI);

/**
 * Box–Muller over 16 uniforms in place: the first eight give radii, the last eight angles. Rounded to float32 where
 * torch rounds (`normal_fill_16_AVX2`), which makes five numbers in six equal bit for bit; the rest is libm.
 */
function transformBlock(data: Float32Array, start: number): void {
  for (let j = start; j < start + 8; j++) {
    const u1 = fround(1 - data[j]);
    const radius = fround(Math.sqrt(fround(-2 * fround(Math.log(u1)))));
    const theta = fround(twoPi * data[j + 8]);
    data[j] = radius * fround(Math.cos(theta));
    data[j + 8] = radius * fround(Math.sin(theta));
  }
}

/** `torch.Generator().manual_seed(seed)`; seeds of 64 bits count by their low 32 bits, as torch's CPU engine does. */
export function torchGenerator(seed: number | bigint): TorchGenerator {
  const next = mersenneTwister(Number(BigInt.asUintN(32, BigInt(seed))));
  let spare: number | undefined;
  const uniform = (): number => (next() & 0xffffff) / 2 ** 24;
  const wideUniform = (): number => {
    const high = next();
    const low = next();
    return ((high & 0x1fffff) * 2 ** 32 + low) / 2 ** 53;
  };
  const one = (): number => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    const u1 = wideUniform();
    const u2 = wideUniform();
    const radius = Math.sqrt(-2 * Math.log1p(-u2));
    spare = radius * Math.sin(2 * Math.PI * u1);
    return radius * Math.cos(2 * Math.PI * u1);
  };
  return {
    normals(count) {
      const data = new Float32Array(count);
      if (count < 16) {
        for (let i = 0; i < count; i++) data[i] = one();
        return data;
      }
      for (let i = 0; i < count; i++) data[i] = uniform();
      for (let start = 0; start + 16 <= count; start += 16) transformBlock(data, start);
      if (count % 16) {
        for (let i = count - 16; i < count; i++) data[i] = uniform();
        transformBlock(data, count - 16);
      }
      return data;
    },
  };
}
