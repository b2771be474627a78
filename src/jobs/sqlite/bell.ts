/** @file Wakes those who wait for news: at once for writes of this process, by looking now and then for those of others. */

export interface Bell {
  ring(): void;
  /** Resolves with the next ring, or when the signal aborts. */
  next(signal: AbortSignal): Promise<void>;
  /** Rings a last time; nobody waits any more. */
  close(): void;
}

/** How long news of other processes may take. */
const lookEvery = 200;

/** @param version changes when another process has written */
export function hangBell(version: () => number): Bell {
  const waiting = new Set<() => void>();
  let [isClosed, seen] = [false, version()];
  let timer: NodeJS.Timeout | undefined;
  const ring = (): void => {
    const all = [...waiting];
    waiting.clear();
    for (const wake of all) wake();
  };
  const hasNews = (): boolean => {
    try {
      const before = seen;
      seen = version();
      return seen !== before;
    } catch {
      return true; // who reads next gets the error
    }
  };
  const look = (): void => {
    if (waiting.size > 0 && hasNews()) ring();
  };
  return {
    ring,
    next(signal) {
      if (isClosed || signal.aborted) return Promise.resolve();
      timer ??= setInterval(look, lookEvery).unref();
      return new Promise(resolve => {
        const wake = (): void => {
          waiting.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        waiting.add(wake);
        signal.addEventListener('abort', wake);
      });
    },
    close() {
      isClosed = true;
      clearInterval(timer);
      ring();
    },
  };
}
