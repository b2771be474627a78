/** @file A question that a child process answers (report, plan): asked, waited for, taken back when nobody waits any more. */
import type { ApiJobProgress, ApiNewJob } from '../../../../src/server/api-types.ts';
import { ApiError } from '../../api/client.ts';
import { onEvent } from '../../api/events.ts';
import { api } from '../../api/routes.ts';

export interface LookOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: ApiJobProgress) => void;
}

const ended = new Set(['done', 'failed', 'cancelled']);

/** Events come at once; asking every second helps where the stream is lost. */
function waitForEnd(id: string, { signal, onProgress }: LookOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void): void => {
      for (const stop of stops) stop();
      end();
    };
    const ask = (): void => {
      api.job(id, signal).then(
        job => {
          if (ended.has(job.state)) settle(resolve);
        },
        (fault: unknown) => {
          // The server may be starting again; what is unknown will not come back.
          if (fault instanceof ApiError && fault.status === 404) settle(() => reject(fault));
        },
      );
    };
    const timer = setInterval(ask, 1000);
    const aborted = (): void => settle(() => reject(signal.reason));
    const stops = [
      () => clearInterval(timer),
      () => signal.removeEventListener('abort', aborted),
      onEvent('job', ({ job }) => {
        if (job.id === id && ended.has(job.state)) settle(resolve);
      }),
      onEvent('progress', event => {
        if (event.id === id) onProgress?.(event.progress);
      }),
    ];
    signal.addEventListener('abort', aborted);
    ask();
  });
}

/** The result of a look. Throws ApiError with the job's own code where it fails, AbortError where it was taken back. */
export async function askLook(
  kind: 'plan' | 'dataset-report',
  payload: ApiNewJob['payload'],
  options: LookOptions,
): Promise<unknown> {
  options.signal.throwIfAborted();
  const { id } = await api.addJob({ kind, payload });
  try {
    // The question may have been taken back while it was on its way.
    options.signal.throwIfAborted();
    await waitForEnd(id, options);
    const { state, result, error } = await api.job(id, options.signal);
    if (state === 'done') return result;
    const { code = 'LOOK_CANCELLED', message = 'This was stopped before it was done.', hint } = error ?? {};
    throw new ApiError({ code, status: 422, detail: message, ...(hint ? { hint } : {}) });
  } catch (fault) {
    if (options.signal.aborted) void api.cancelJob(id).catch(() => undefined);
    throw fault;
  }
}
