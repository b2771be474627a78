/** @file `key=value` lists of sd-scripts, whose values are Python literals. */

export type PythonValue = number | boolean | string | null | readonly PythonValue[];

const words: ReadonlyMap<string, PythonValue> = new Map([
  ['true', true],
  ['false', false],
  ['none', null],
]);

function one(text: string): PythonValue {
  const plain = text.trim();
  const word = words.get(plain.toLowerCase());
  if (word !== undefined) return word;
  const quoted = /^(['"])(.*)\1$/s.exec(plain)?.[2];
  if (quoted !== undefined) return quoted;
  const value = Number(plain.replaceAll('_', ''));
  return plain !== '' && Number.isFinite(value) ? value : plain;
}

/** `0.9`, `True`, `None`, `'text'`, `0.9,0.99`, `(0.9, 0.99)`; what is none of these is text. */
export function pythonValue(text: string): PythonValue {
  const inner = /^\s*[([](.*)[)\]]\s*$/s.exec(text)?.[1] ?? text;
  if (inner === text && !inner.includes(',')) return one(inner);
  const parts = inner.split(',').filter((part, i, all) => part.trim() !== '' || i < all.length - 1);
  return parts.map(one);
}

/** `["a=1", "b=x"]` → a map; what has no `=` is among the broken. */
export function keyValues(list: readonly string[]): { values: Map<string, string>; broken: string[] } {
  const values = new Map<string, string>();
  const broken: string[] = [];
  for (const text of list) {
    const at = text.indexOf('=');
    if (at <= 0) broken.push(text);
    else values.set(text.slice(0, at).trim(), text.slice(at + 1).trim());
  }
  return { values, broken };
}
