/**
 * @file Files on their way to the studio: some at once, each with its own progress, each failure with its reason; what
 * failed can be tried again.
 */

export type SendState = 'waiting' | 'sending' | 'done' | 'failed' | 'stopped';

export interface Sending<T> {
  readonly key: string;
  readonly what: T;
  readonly state: SendState;
  /** From 0 to 1. */
  readonly share: number;
  readonly reason?: string | undefined;
}

export interface SendOptions<T> {
  readonly send: (what: T, onShare: (share: number) => void, signal: AbortSignal) => Promise<void>;
  readonly reasonOf: (fault: unknown) => string;
  readonly onChange: (all: readonly Sending<T>[]) => void;
  /** How many go at once; browsers open six connections to a place, and the page needs some. */
  readonly atOnce?: number;
  readonly signal: AbortSignal;
  /** What an earlier sender had, which was stopped. */
  readonly before?: readonly Sending<T>[] | undefined;
}

export interface Sender<T> {
  add(items: readonly { readonly key: string; readonly what: T }[]): void;
  /** Those that failed or were stopped, again. */
  retry(): void;
  /** When nothing is on its way any more. */
  finished(): Promise<void>;
}

const isOpen = (state: SendState): boolean => state === 'waiting' || state === 'sending';
const stopped = { state: 'stopped', share: 0, reason: 'stopped' } as const;

export function openSender<T>(options: SendOptions<T>): Sender<T> {
  const { send, reasonOf, onChange, atOnce = 3, signal, before = [] } = options;
  let all: Sending<T>[] = before.map(one => (isOpen(one.state) ? { ...one, ...stopped } : one));
  let running = 0;
  let waiters: (() => void)[] = [];
  const change = (key: string, to: Partial<Sending<T>>): void => {
    all = all.map(one => (one.key === key ? { ...one, ...to } : one));
    onChange(all);
  };
  const one = async ({ key, what }: Sending<T>): Promise<void> => {
    change(key, { state: 'sending', share: 0, reason: undefined });
    try {
      await send(what, share => change(key, { share }), signal);
      change(key, { state: 'done', share: 1 });
    } catch (fault) {
      change(key, signal.aborted ? stopped : { state: 'failed', share: 0, reason: reasonOf(fault) });
    }
  };
  const go = (): void => {
    while (running < atOnce && !signal.aborted) {
      const next = all.find(({ state }) => state === 'waiting');
      if (!next) break;
      running++;
      void one(next).finally(() => {
        running--;
        go();
      });
    }
    if (running > 0) return;
    for (const tell of waiters) tell();
    waiters = [];
  };
  /** What has not begun never will; what is on its way is cut off by its own `send`. */
  const stop = (): void => {
    all = all.map(one => (one.state === 'waiting' ? { ...one, ...stopped } : one));
    onChange(all);
  };
  signal.addEventListener('abort', stop, { once: true });
  return {
    add(items) {
      const known = new Set(all.map(({ key }) => key));
      const fresh = items.filter(({ key }) => !known.has(key));
      all = [...all, ...fresh.map(({ key, what }) => ({ key, what, state: 'waiting' as const, share: 0 }))];
      onChange(all);
      go();
    },
    retry() {
      all = all.map(one =>
        one.state === 'failed' || one.state === 'stopped'
          ? { ...one, state: 'waiting', share: 0, reason: undefined }
          : one,
      );
      onChange(all);
      go();
    },
    finished: () =>
      running === 0 ? Promise.resolve() : new Promise(resolve => waiters.push(() => resolve())),
  };
}

export interface SendSummary {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly stopped: number;
  /** Of all files, from 0 to 1. */
  readonly share: number;
  readonly isBusy: boolean;
}

export function summaryOf<T>(all: readonly Sending<T>[]): SendSummary {
  const count = (state: SendState): number => all.filter(one => one.state === state).length;
  const [done, failed, ended] = [count('done'), count('failed'), count('stopped')];
  const share = all.reduce((sum, one) => sum + (isOpen(one.state) ? one.share : 1), 0);
  return {
    ...{ total: all.length, done, failed, stopped: ended },
    share: all.length === 0 ? 0 : share / all.length,
    isBusy: all.some(({ state }) => isOpen(state)),
  };
}
