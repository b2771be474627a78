/** @file numpy's `SeedSequence`: seeds for many streams from one number and a path (O'Neill 2015, "Developing a seed_seq alternative"). */

const hashStart = 0x43b0d7e5;
const hashFactor = 0x931e8875;
const stateStart = 0x8b51f9dd;
const stateFactor = 0x58f38ded;
const mixLeft = 0xca01f9dd;
const mixRight = 0x4973f715;

const folded = (word: number): number => (word ^ (word >>> 16)) >>> 0;

/** A hash whose constants change with every word. */
function openHash(start: number, factor: number): (word: number) => number {
  let constant = start;
  return word => {
    const mixed = word ^ constant;
    constant = Math.imul(constant, factor) >>> 0;
    return folded(Math.imul(mixed, constant));
  };
}

const mix = (x: number, y: number): number => folded(Math.imul(mixLeft, x) - Math.imul(mixRight, y));

/** 32-bit words of a number, lowest first; 0 is one word. */
function wordsOf(value: bigint): number[] {
  const words = [];
  for (let rest = value; rest > 0n || words.length === 0; rest >>= 32n)
    words.push(Number(rest & 0xffffffffn));
  return words;
}

/**
 * The first `count` 32-bit words of `SeedSequence(entropy, spawn_key=spawnKey, pool_size=poolSize).generate_state(count)`.
 * Numbers are not negative.
 */
export function seedWords(
  { entropy, spawnKey, poolSize }: { entropy: bigint; spawnKey: readonly number[]; poolSize: number },
  count: number,
): Uint32Array {
  const own = wordsOf(entropy);
  const path = spawnKey.flatMap(number => wordsOf(BigInt(number)));
  // Without padding a path would be the same as more entropy.
  const padding = path.length > 0 ? new Array<number>(Math.max(0, poolSize - own.length)).fill(0) : [];
  const words = [...own, ...padding, ...path];

  const hash = openHash(hashStart, hashFactor);
  const pool = Array.from({ length: poolSize }, (_, i) => hash(words[i] ?? 0));
  for (let from = 0; from < poolSize; from++)
    for (let to = 0; to < poolSize; to++) if (from !== to) pool[to] = mix(pool[to], hash(pool[from]));
  for (const word of words.slice(poolSize))
    for (let to = 0; to < poolSize; to++) pool[to] = mix(pool[to], hash(word));

  const draw = openHash(stateStart, stateFactor);
  return Uint32Array.from({ length: count }, (_, i) => draw(pool[i % poolSize]));
}
