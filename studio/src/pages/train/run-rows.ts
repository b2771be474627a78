/** @file What a run has written down, kept true while it goes on. */
import { type ReadonlySignal, signal } from '@preact/signals';
import type { ApiTrainingRows } from '../../../../src/server/api-types.ts';
import { isAbort } from '../../api/client.ts';
import { onEvent } from '../../api/events.ts';
import { api } from '../../api/routes.ts';
import { lastStep, mergeRows, noRows } from './run-series.ts';

export interface RowsWatch {
  readonly rows: ReadonlySignal<ApiTrainingRows>;
  readonly error: ReadonlySignal<unknown>;
  close(): void;
}

/** Steps are many: what came is asked for once a second at most. */
const pace = 1000;
/** Of a long run, in the first answer. */
const mostSteps = 5000;

/**
 * Looks and previews are written after the step that they belong to, and the pictures without the LoRA later than many
 * steps: they are asked for as a whole, with as few steps as can be.
 */
const readLooks = async (job: string, signal: AbortSignal): Promise<ApiTrainingRows> => ({
  ...(await api.trainingRows(job, { after: 0, most: 2 }, signal)),
  steps: [],
});

export function watchRows(job: string): RowsWatch {
  const rows = signal<ApiTrainingRows>(noRows);
  const error = signal<unknown>(undefined);
  const stop = new AbortController();
  let isReading = false;
  let isWanted = false;
  let areLooksWanted = false;
  let lastLook = -1;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const read = async (): Promise<void> => {
    if (isReading || stop.signal.aborted) {
      isWanted = true;
      return;
    }
    isReading = true;
    isWanted = false;
    try {
      const [came, looks] = await Promise.all([
        api.trainingRows(job, { after: lastStep(rows.peek()), most: mostSteps }, stop.signal),
        areLooksWanted ? readLooks(job, stop.signal) : noRows,
      ]);
      areLooksWanted = false;
      rows.value = mergeRows(mergeRows(rows.peek(), came), looks);
      error.value = undefined;
    } catch (fault) {
      if (!isAbort(fault)) error.value = fault;
    }
    isReading = false;
    if (isWanted) later();
  };
  const later = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      void read();
    }, pace);
  };
  const mine = (id: string, hasLook: boolean): void => {
    if (id !== job) return;
    areLooksWanted ||= hasLook;
    later();
  };
  const lookOf = (detail: unknown): number =>
    (detail as { validation?: { step?: number } } | undefined)?.validation?.step ?? -1;
  const stops = [
    onEvent('progress', ({ id, progress }) => {
      const look = lookOf(progress.detail);
      mine(id, id === job && look !== lastLook);
      if (id === job) lastLook = look;
    }),
    onEvent('preview', ({ id }) => mine(id, true)),
    onEvent('job', event => mine(event.job.id, true)),
    onEvent('reset', () => mine(job, true)),
  ];
  void read();
  return {
    rows,
    error,
    close() {
      for (const end of stops) end();
      clearTimeout(timer);
      stop.abort();
    },
  };
}
