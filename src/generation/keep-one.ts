/** @file Keeps what was opened last, and opens another only when something else is asked for. */

export interface KeepOne<T> {
  /** The kept value when `key` is that of the last call; else releases it and opens a new one. */
  get(key: string, open: () => Promise<T>): Promise<T>;
  release(): Promise<void>;
}

export function keepOne<T extends { release(): Promise<void> }>(): KeepOne<T> {
  let kept: { readonly key: string; readonly value: T } | undefined;
  const release = async (): Promise<void> => {
    const old = kept;
    kept = undefined; // first, so that a failure below never leaves a released value behind
    await old?.value.release();
  };
  return {
    async get(key, open) {
      if (kept?.key === key) return kept.value;
      await release();
      const value = await open();
      kept = { key, value };
      return value;
    },
    release,
  };
}
