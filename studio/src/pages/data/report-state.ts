/** @file The report, live: asked for a moment after every change, the question before taken back. */
import { type ReadonlySignal, signal } from '@preact/signals';
import { isAbort } from '../../api/client.ts';
import { askLook } from './look.ts';
import { type DatasetReport, reportOf } from './report-view.ts';

export interface ReportState {
  /** The last one, also while the next is made. */
  readonly value?: DatasetReport | undefined;
  readonly error?: unknown;
  readonly isAsking: boolean;
  readonly share?: number | undefined;
}

export interface ReportWatch {
  readonly state: ReadonlySignal<ReportState>;
  /** After the usual moment, or after so many milliseconds. */
  askSoon(after?: number): void;
  close(): void;
}

/** Long enough that a word is typed to its end. */
const moment = 900;

/** `payloadOf` is asked when the question goes out. */
export function watchReport(payloadOf: () => object): ReportWatch {
  const state = signal<ReportState>({ isAsking: false });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop = new AbortController();
  const ask = async (): Promise<void> => {
    stop.abort();
    stop = new AbortController();
    const { signal: own } = stop;
    state.value = { value: state.peek().value, isAsking: true };
    try {
      const result = await askLook('dataset-report', payloadOf(), {
        signal: own,
        onProgress: ({ share }) => {
          if (!own.aborted) state.value = { ...state.peek(), share };
        },
      });
      if (!own.aborted) state.value = { value: reportOf(result), isAsking: false };
    } catch (fault) {
      if (!own.aborted && !isAbort(fault))
        state.value = { value: state.peek().value, error: fault, isAsking: false };
    }
  };
  return {
    state,
    askSoon(after = moment) {
      clearTimeout(timer);
      timer = setTimeout(() => void ask(), after);
    },
    close() {
      clearTimeout(timer);
      stop.abort();
    },
  };
}
