/** @file The one error class of the product: a stable code, a message with names and numbers, a hint. */

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
