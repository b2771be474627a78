/**
 * @file What stands where a card has no picture: the outer product of two short vectors, which is what a LoRA is. Made of
 * the card's id, so a card always looks the same.
 */

const side = 6;
const cell = 10;
const levels = 4;

export interface Pattern {
  /** A path for each opacity, the faintest first. */
  readonly paths: readonly string[];
  readonly size: number;
}

/** Numbers from 0 to 1 of a text (FNV-1a, then mulberry32). */
function numbersOf(text: string, count: number): number[] {
  let state = 2166136261;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 16777619);
  return Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  });
}

const known = new Map<string, Pattern>();

export function patternOf(id: string): Pattern {
  const found = known.get(id);
  if (found) return found;
  const numbers = numbersOf(id, 2 * side);
  const paths = Array.from({ length: levels }, () => '');
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++) {
      const value = numbers[row]! * numbers[side + column]!;
      const level = Math.min(levels - 1, Math.floor(Math.sqrt(value) * levels));
      if (level > 0 || value > 0.02)
        paths[level] += `M${column * cell} ${row * cell}h${cell}v${cell}h-${cell}z`;
    }
  const pattern = { paths, size: side * cell };
  if (known.size > 2000) known.clear();
  known.set(id, pattern);
  return pattern;
}

/** Families have a colour each; others share one. */
export function hueOf(family: string): number {
  const rows: readonly (readonly [RegExp, number])[] = [
    ...([
      [/pocket/i, 178],
      [/xl/i, 285],
      [/2/, 55],
      [/1/, 240],
    ] as const),
  ];
  return rows.find(([pattern]) => pattern.test(family))?.[1] ?? 20;
}
