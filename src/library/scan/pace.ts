/** @file Long work in short pieces, so that the process answers others meanwhile. */
import { setImmediate } from 'node:timers/promises';

export interface Pace {
  /** Whether it has worked long enough without a rest. */
  isDue(): boolean;
  /** Lets others run. Throws where the work was called off. */
  rest(): Promise<void>;
}

const mostMilliseconds = 8;

export function openPace(signal?: AbortSignal): Pace {
  let since = performance.now();
  return {
    isDue: () => performance.now() - since > mostMilliseconds,
    async rest() {
      await setImmediate();
      signal?.throwIfAborted();
      since = performance.now();
    },
  };
}
