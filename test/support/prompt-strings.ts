/** @file Strings as people and fuzzers write prompts: the same from the same seed as tools/goldens/clip_tokenizer.py. */
import { readFileSync } from 'node:fs';

interface Recipe {
  readonly words: string[];
  readonly glue: string[];
  readonly marks: string[];
  /** First and last code points of scripts. */
  readonly ranges: [number, number][];
  readonly lengths: number[];
}

/** murmur3's finaliser, as in hashed-weights.ts. */
function hashStep(value: number): number {
  let x = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

interface Draw {
  below(bound: number): number;
  choice<T>(items: readonly T[]): T;
}

function openDraw(seed: number): Draw {
  let position = 0;
  const below = (bound: number): number => {
    position++;
    return hashStep((Math.imul(position, 0x9e3779b1) + seed) >>> 0) % bound;
  };
  return { below, choice: items => items[below(items.length)] };
}

function makeString(recipe: Recipe, draw: Draw): string {
  const parts: string[] = [];
  const count = 1 + draw.below(draw.choice(recipe.lengths));
  for (let i = 0; i < count; i++) {
    const kind = draw.below(8);
    if (kind < 5) {
      const word = draw.choice(recipe.words);
      parts.push(draw.below(4) === 0 ? word.toUpperCase() : word);
    } else if (kind === 5) parts.push(draw.choice(recipe.marks));
    else {
      const [first, last] = draw.choice(recipe.ranges);
      const length = 1 + draw.below(6);
      for (let j = 0; j < length; j++) parts.push(String.fromCodePoint(first + draw.below(last - first + 1)));
    }
    parts.push(draw.choice(recipe.glue));
  }
  return parts.join('');
}

export function promptStrings(count: number): string[] {
  const recipe: Recipe = JSON.parse(
    readFileSync(new URL('../golden/data/prompt-strings.json', import.meta.url), 'utf8'),
  );
  return Array.from({ length: count }, (_, i) => makeString(recipe, openDraw(hashStep(i + 1))));
}
