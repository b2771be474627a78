/** @file What the studio does by itself: looks for new files, and removes what is older than its settings say. */
import { type ScanSummary, sweepServed } from '../library/index.ts';
import type { StudioContext } from './context.ts';

const hour = 3_600_000;
/** Files that were put into folders by hand are seen after this time, or when somebody asks. */
const scanEveryMs = 10 * 60_000;
/** Days that removed pictures and data sets can still be brought back by hand. */
const removedDays = 30;
/** Of pictures that were made small for pages. */
const servedMegabytes = 512;

/** What the last look through the library found. */
export interface LastScan {
  readonly at: number;
  readonly seen: number;
  readonly skipped: ScanSummary['skipped'];
  /** Why it could not be done. */
  readonly error?: string;
}

/** Looks through the library's folders and tells the page how far it is. One at a time. */
export function openScan({ library, tell, log }: Pick<StudioContext, 'library' | 'tell' | 'log'>): {
  scan(): Promise<void>;
  state(): { isRunning: boolean; done: number; total: number };
  last(): LastScan | undefined;
  stop(): Promise<void>;
} {
  const stopping = new AbortController();
  let state = { isRunning: false, done: 0, total: 0 };
  let last: LastScan | undefined;
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const once = async (): Promise<void> => {
    let told = 0;
    state = { isRunning: true, done: 0, total: 0 };
    try {
      const summary = await library.scan({
        signal: stopping.signal,
        onProgress(done, total) {
          state = { isRunning: true, done, total };
          if (performance.now() - told < 500) return;
          told = performance.now();
          tell('library', state);
        },
      });
      last = { at: Date.now(), seen: summary.seen, skipped: summary.skipped };
      log.info(summary, 'the library was looked through');
    } catch (error) {
      if (!stopping.signal.aborted) {
        log.warn({ error: String(error) }, 'the library could not be looked through');
        const { seen = 0, skipped = [] } = last ?? {};
        last = { at: Date.now(), seen, skipped, error: (error as Error).message };
      }
    } finally {
      state = { ...state, isRunning: false };
      running = undefined;
      if (!stopping.signal.aborted) tell('library', state);
    }
  };
  return {
    // What changed after a look began may have been passed by: who asks meanwhile gets a look of its own.
    scan() {
      if (!running) {
        running = once();
        return running;
      }
      next ??= running.then(() => {
        next = undefined;
        running ??= once();
        return running;
      });
      return next;
    },
    state: () => state,
    last: () => last,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** Begins; returns what ends it. */
export function keepHouse(context: StudioContext): () => Promise<void> {
  const { supervisor, pictures, datasets, data, settings, log, scans } = context;
  const sweep = async (): Promise<void> => {
    const { pictureDays, jobDays } = settings.get();
    try {
      const jobs = await supervisor.sweep({ keepDays: jobDays });
      const old = await pictures.sweep(pictureDays, removedDays);
      await datasets.sweep(removedDays);
      await sweepServed(data, servedMegabytes);
      log.info({ ...jobs, pictures: old }, 'old files were removed');
    } catch (error) {
      log.warn({ error: String(error) }, 'old files could not be removed');
    }
  };
  void pictures.refresh().catch(error => log.warn({ error: String(error) }, 'pictures could not be listed'));
  void scans.scan();
  const timers = [setInterval(() => void scans.scan(), scanEveryMs), setInterval(() => void sweep(), hour)];
  const first = setTimeout(() => void sweep(), 60_000);
  for (const timer of [...timers, first]) timer.unref();
  return async () => {
    for (const timer of timers) clearInterval(timer);
    clearTimeout(first);
    await scans.stop();
  };
}
