/** @file So much at a time: work on pictures must not take the threads that everything else needs. */

/** Runs at most `width` pieces of work at once; the others wait in order. Throws at once where the signal was aborted meanwhile. */
export function openTurnstile(
  width: number,
): <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work, signal) => {
    if (running >= width) await new Promise<void>(resolve => waiting.push(resolve));
    else running++;
    try {
      signal?.throwIfAborted();
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
