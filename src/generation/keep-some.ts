/** @file Keeps the few things that were used last, and opens another only when something else is asked for. */

export interface KeepSome<T> {
  /** The kept value of `key`; else a new one, for which the one that was not used for longest is released. */
  get(key: string, open: () => Promise<T>): Promise<T>;
  release(): Promise<void>;
}

export function keepSome<T extends { release(): Promise<void> }>(most: number): KeepSome<T> {
  const kept = new Map<string, T>();
  const forget = async (key: string): Promise<void> => {
    const old = kept.get(key);
    kept.delete(key); // first, so that a failure below never leaves a released value behind
    await old?.release();
  };
  return {
    async get(key, open) {
      const known = kept.get(key);
      if (known) {
        kept.delete(key);
        kept.set(key, known); // now the youngest
        return known;
      }
      const [oldest] = kept.keys();
      if (kept.size >= most && oldest !== undefined) await forget(oldest);
      const value = await open();
      kept.set(key, value);
      return value;
    },
    async release() {
      for (const key of [...kept.keys()]) await forget(key);
    },
  };
}
