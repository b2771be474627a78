/** @file What a new LoRA may be called, and a name that is free. */

const pattern = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,79}$/u;

/** Why a name cannot be; undefined where it can. */
export function nameFault(name: string): string | undefined {
  if (name.trim() === '') return 'Give it a name: the file is called like it.';
  if (name !== name.trim()) return 'A name begins and ends with a letter or digit.';
  if (name.length > 80) return `At most 80 letters; these are ${name.length}.`;
  if (!pattern.test(name))
    return 'Letters, digits, blanks, dots and dashes only, the first a letter or digit.';
  return undefined;
}

/** A free name from the first of these that says something: `zorbi`, or `zorbi 2` where that is taken. */
export function proposeName(wishes: readonly string[], taken: ReadonlySet<string>): string {
  const clean = (wish: string): string =>
    wish
      .replace(/[^\p{L}\p{N} ._-]+/gu, ' ')
      .replace(/\s+/g, ' ')
      .replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '')
      .slice(0, 74)
      .trim();
  const stem = wishes.map(clean).find(wish => wish !== '') ?? 'my LoRA';
  const lower = new Set([...taken].map(name => name.toLowerCase()));
  for (let i = 1; ; i++) {
    const name = i === 1 ? stem : `${stem} ${i}`;
    if (!lower.has(name.toLowerCase())) return name;
  }
}
