/** @file What a component reads from the server: value, fault, and how to read it again. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { isAbort } from '../api/client.ts';

export interface Loaded<T> {
  /** The last one read, also while the next is on its way. */
  readonly value: T | undefined;
  readonly error: unknown;
  readonly isLoading: boolean;
  readonly reload: () => void;
  /** Puts an answer in place that is known otherwise. */
  readonly set: (value: T) => void;
}

/** Reads when it is shown and when one of `inputs` changes; the call before is aborted. */
export function useLoaded<T>(
  read: (signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
): Loaded<T> {
  const [state, setState] = useState<{ value?: T; error?: unknown; isLoading: boolean }>({ isLoading: true });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setState(old => ({ ...old, isLoading: true }));
    read(stop.signal).then(
      value => stop.signal.aborted || setState({ value, isLoading: false }),
      (error: unknown) => {
        if (!isAbort(error) && !stop.signal.aborted) setState(old => ({ ...old, error, isLoading: false }));
      },
    );
    return () => stop.abort();
  }, [...inputs, turn]);
  const reload = useCallback(() => setTurn(old => old + 1), []);
  const set = useCallback((value: T) => setState({ value, isLoading: false }), []);
  return { value: state.value, error: state.error, isLoading: state.isLoading, reload, set };
}
