/** @file The one error class of the product: a stable code, a message with names and numbers, a hint; and what was meant. */

/** Exit codes of the command line (DESIGN: 0 ok, 1 failure, 2 usage, 3 bad input file, 130 interrupted). */
export const exitCodes = { ok: 0, failure: 1, usage: 2, badInput: 3, interrupted: 130 } as const;
export type ExitKind = keyof typeof exitCodes;

export interface LoraErrorOptions {
  /** What the user can do about it, one sentence. */
  hint?: string;
  cause?: unknown;
  /** Which exit code the command line ends with; `failure` unless said. */
  exit?: ExitKind;
}

/** An error that a user may see. `code` is stable and part of the public interface, e.g. `FORMAT_TRUNCATED`. */
export class LoraError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly exit: ExitKind;

  constructor(code: string, message: string, options: LoraErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LoraError';
    this.code = code;
    this.hint = options.hint;
    this.exit = options.exit ?? 'failure';
  }
}

/** Shorthand for a bad file or picture (exit code 3). */
export function badInput(code: string, message: string, hint?: string, cause?: unknown): LoraError {
  return new LoraError(code, message, {
    exit: 'badInput',
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Shorthand for a wrong command line or recipe (exit code 2). */
export function usageError(code: string, message: string, hint?: string): LoraError {
  return new LoraError(code, message, { exit: 'usage', ...(hint === undefined ? {} : { hint }) });
}

/** Edits from `a` to `b`, row by row: a letter more, less or another (Levenshtein 1966), or two that changed places. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isTurned = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next.push(Math.min(swap, row[j] + 1, next[j - 1] + 1, isTurned ? before[j - 2] + 1 : swap));
    }
    before = row;
    row = next;
  }
  return row[b.length];
}

/** Longer than this, nobody meant a name. */
const longestName = 64;

/** Up to `most` of `known` that are written nearly like `wanted`, the nearest first; case and `-`, `_` do not count. */
export function nearestWords(wanted: string, known: Iterable<string>, most = 3): string[] {
  const plain = (word: string): string => word.toLowerCase().replace(/[-_\s]/g, '');
  const letters = plain(wanted);
  if (letters === '' || letters.length > longestName) return [];
  return [...known]
    .map(word => ({ word, off: editDistance(letters, plain(word)) }))
    .filter(({ word, off }) => off <= Math.max(letters.length, plain(word).length) * 0.4)
    .sort((a, b) => a.off - b.off)
    .slice(0, most)
    .map(({ word }) => word);
}
