/** @file JSON of other programs, piece by piece: everything in it may be anything. */

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const asText = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;
export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** What a table says of a name from outside, which may be one that every object has (`constructor`, `toString`). */
export const entryOf = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;

/** Integers that a double may not hold. */
const longIntegers = /(?<![\d.eE+-])\d{16,20}(?![\d.eE])/g;
const bareNumbers = /-?\bInfinity\b|\bNaN\b/g;
const tidy = (part: string): string => part.replace(longIntegers, '"$&"').replace(bareNumbers, 'null');

/** Deeper nesting is no program's; writing it out again would need a stack without end. */
const maxDepth = 128;

/** Where the string that opens at `open` closes. */
function closingQuote(text: string, open: number): number {
  for (let close = text.indexOf('"', open + 1); close >= 0; close = text.indexOf('"', close + 1)) {
    let slashes = 0;
    while (text[close - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return close;
  }
  return text.length;
}

/** `tidy` outside of strings, in linear time; undefined where brackets are nested too deep. */
function tidyJson(text: string): string | undefined {
  const pieces: string[] = [];
  let [kept, depth] = [0, 0];
  for (let at = 0; at < text.length; ) {
    const quote = text.indexOf('"', at);
    const end = quote < 0 ? text.length : quote;
    for (let i = at; i < end; i++) {
      if (text[i] === '{' || text[i] === '[') depth++;
      else if (text[i] === '}' || text[i] === ']') depth--;
      if (depth > maxDepth) return undefined;
    }
    const part = text.slice(at, end);
    const tidied = part.length > 2 ? tidy(part) : part;
    if (tidied !== part) {
      pieces.push(text.slice(kept, at), tidied);
      kept = end;
    }
    at = quote < 0 ? end : closingQuote(text, quote) + 1;
  }
  return [...pieces, text.slice(kept)].join('');
}

/**
 * Parses JSON as Python writes it: NaN and Infinity become null, integers above 2⁵³ (seeds) stay whole, as text.
 * Undefined for what is no JSON, or nested more than 128 deep.
 */
export function parseLooseJson(text: string): unknown {
  try {
    return JSON.parse(tidyJson(text) ?? '');
  } catch {
    return undefined;
  }
}

/** The first level of an object, less what was read, as texts. */
export function leftOver(object: JsonObject, taken: ReadonlySet<string>): Record<string, string> {
  const entries = Object.entries(object).filter(
    ([key, value]) => !taken.has(key) && value !== null && value !== '',
  );
  return Object.fromEntries(
    entries
      .slice(0, 1000)
      .map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}
