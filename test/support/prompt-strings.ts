/** @file Strings as people and fuzzers write prompts: the same from the same seed as tools/goldens/clip_tokenizer.py. */
import { createHash } from 'node:crypto';
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

/** Strings that nobody should write, by name. */
export function hostileStrings(): Map<string, string> {
  const letters = openDraw(7);
  const texts = new Map([
    ['nested', `${'('.repeat(10_000)}a${')'.repeat(10_000)}`],
    ['one letter', 'a'.repeat(1_000_000)],
    [
      'one word',
      Array.from({ length: 1_000_000 }, () => String.fromCharCode(97 + letters.below(26))).join(''),
    ],
    ['marks', '!?'.repeat(500_000)],
    ['emoji', '\u{1F9D1}\u{1F3FB}\u200d'.repeat(100_000)],
  ]);
  const ranges = [
    [0x20, 0x7e],
    [0xd800, 0xdbff],
    [0xdc00, 0xdfff],
    [0xd7f0, 0xe010],
  ];
  for (let i = 0; i < 200; i++) {
    const draw = openDraw(hashStep(i + 1001));
    const units = Array.from({ length: 1 + draw.below(24) }, () => {
      const [first, last] = draw.choice(ranges);
      return first + draw.below(last - first + 1);
    });
    texts.set(`surrogates ${i}`, String.fromCharCode(...units));
  }
  return texts;
}

/** Strings of brackets, weights and words, mostly with mistakes: those of tools/goldens/prompts.py. */
export function syntaxStrings(count: number): string[] {
  const fragments: string[] = JSON.parse(
    readFileSync(new URL('../golden/data/prompt-fragments.json', import.meta.url), 'utf8'),
  );
  return Array.from({ length: count }, (_, i) => {
    const draw = openDraw(hashStep(i + 20001));
    return Array.from({ length: 1 + draw.below(16) }, () => draw.choice(fragments)).join('');
  });
}

/** The hash that Python's json.dumps gives too: it writes what is not ASCII as escapes. */
export function jsonDigest(rows: unknown): string {
  const escaped = JSON.stringify(rows).replace(
    /[\u007f-\uffff]/g,
    c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return createHash('sha256').update(escaped).digest('hex').slice(0, 16);
}
