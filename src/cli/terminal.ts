/** @file What the user sees: progress on stderr, results on stdout, errors with code and hint. */
import { exitCodes, LoraError } from '../errors.ts';

export interface Terminal {
  /** A line on stderr that stays. */
  note(text: string): void;
  /** A line on stderr that the next one replaces (on a terminal). */
  progress(text: string): void;
  /** The result: as text, or as one JSON object with --json. */
  result(json: unknown, text: string): void;
}

export function openTerminal(json: boolean): Terminal {
  const live = process.stderr.isTTY === true;
  let open = false;
  let lastPlain = 0;
  const clear = (): void => {
    if (open) process.stderr.write('\r\x1b[2K');
    open = false;
  };
  return {
    note(text) {
      clear();
      process.stderr.write(`${text}\n`);
    },
    progress(text) {
      if (live) {
        clear();
        process.stderr.write(text.slice(0, (process.stderr.columns ?? 100) - 1));
        open = true;
      } else if (Date.now() - lastPlain > 5000) {
        // In a log, a line every five seconds says enough.
        lastPlain = Date.now();
        process.stderr.write(`${text}\n`);
      }
    },
    result(value, text) {
      clear();
      process.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : `${text}\n`);
    },
  };
}

/** Prints an error the way it can be acted on, and returns the exit code. */
export function reportError(error: unknown, json: boolean): number {
  if (error instanceof LoraError) {
    const { code, message, hint } = error;
    if (json) process.stdout.write(`${JSON.stringify({ error: { code, message, hint } }, null, 2)}\n`);
    process.stderr.write(`error ${code}: ${message}\n${hint ? `  ${hint}\n` : ''}`);
    return exitCodes[error.exit];
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return reportError(new LoraError('INTERRUPTED', 'interrupted', { exit: 'interrupted' }), json);
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (json)
    process.stdout.write(`${JSON.stringify({ error: { code: 'INTERNAL', message: text } }, null, 2)}\n`);
  process.stderr.write(`error INTERNAL: ${text}\n  This is a fault of lora itself; please report it.\n`);
  return exitCodes.failure;
}

/** A terminal sends Ctrl-C to the program and to its starter, which passes it on: within this time it is one. */
const sameKeyMilliseconds = 500;

/** A signal that Ctrl-C aborts; a second Ctrl-C ends the process at once. */
export function interruptible(onFirst: () => void): AbortSignal {
  const controller = new AbortController();
  let first = 0;
  const abort = (): void => {
    if (controller.signal.aborted) return;
    first = performance.now();
    onFirst();
    controller.abort();
  };
  process.on('SIGINT', () => {
    if (controller.signal.aborted && performance.now() - first > sameKeyMilliseconds)
      process.exit(exitCodes.interrupted);
    abort();
  });
  process.on('SIGTERM', abort);
  process.on('SIGHUP', abort);
  return controller.signal;
}
