/** @file One attempt in the child: the context that its runner gets, and how it ends. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LoraError } from '../../errors.ts';
import type { JobProgress } from '../queue.ts';
import type { JobContext, JobNames, JobPlaces, JobRunner } from '../runner.ts';
import { finishFiles } from './finish-files.ts';
import { progressSchema, type ReportMessage, type StopReason } from './messages.ts';

/** Progress is passed on this often, and always the last one. */
const progressEveryMs = 200;

export interface AttemptOptions {
  readonly run: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly places: JobPlaces;
  readonly names: JobNames;
  readonly report: (message: ReportMessage) => void;
}

export interface Attempt {
  readonly ended: Promise<void>;
  abort(why: StopReason): void;
  wait(): void;
  go(): void;
}

/** Passes on the newest of what comes, now and then. */
function openThrottle(pass: (progress: JobProgress) => void): {
  tell(progress: JobProgress): void;
  flush(): void;
} {
  let newest: JobProgress | undefined;
  let [passedAt, timer]: [number, NodeJS.Timeout | undefined] = [Number.NEGATIVE_INFINITY, undefined];
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (newest) pass(newest);
    if (newest) passedAt = performance.now();
    newest = undefined;
  };
  return {
    flush,
    tell: progress => {
      newest = progress;
      const left = passedAt + progressEveryMs - performance.now();
      if (left <= 0) flush();
      else timer ??= setTimeout(flush, left);
    },
  };
}

/** As it goes over the wire: a share of 0/0 is no reason to fail a job. */
function soundProgress({ share, text, secondsLeft, detail }: JobProgress): JobProgress {
  const isSound = secondsLeft !== undefined && Number.isFinite(secondsLeft) && secondsLeft >= 0;
  return progressSchema.parse({
    share: Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0,
    text: text.slice(0, 2000),
    ...(isSound ? { secondsLeft } : {}),
    ...(detail === undefined ? {} : { detail: plainJson(detail) }),
  }) as JobProgress;
}

const plainJson = (value: unknown): unknown =>
  value === undefined ? undefined : JSON.parse(JSON.stringify(value));

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

function failureOf(run: string, error: unknown): ReportMessage {
  if (error instanceof LoraError) {
    const { code, message, hint } = error;
    return { type: 'failed', run, isAnswer: true, error: { code, message, ...(hint ? { hint } : {}) } };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { type: 'failed', run, isAnswer: false, error: { code: 'JOB_FAULT', message } };
}

/** Begins an attempt; it ends with one of the messages `done`, `aborted` and `failed`. */
export function beginAttempt<P>(runner: JobRunner<P>, payload: P, options: AttemptOptions): Attempt {
  const { run, jobId, attempt, places, names, report } = options;
  const aborting = new AbortController();
  const told = openThrottle(progress => report({ type: 'progress', run, progress: { ...progress } }));
  let turn: PromiseWithResolvers<void> | undefined;
  const go = (): void => {
    turn?.resolve();
    turn = undefined;
  };
  const context: JobContext = {
    ...{ jobId, attempt, places, names, signal: aborting.signal },
    progress: progress => told.tell(soundProgress(progress)),
    preview: (name, bytes) => report({ type: 'preview', run, name, bytes }),
    note: text => report({ type: 'note', run, text: text.slice(0, 10_000) }),
    yieldToOthers: async () => {
      await nextTurn(); // messages that came during the step are read
      if (!turn || aborting.signal.aborted) return;
      told.flush();
      report({ type: 'waiting', run, isWaiting: true });
      while (turn && !aborting.signal.aborted) await turn.promise;
      report({ type: 'waiting', run, isWaiting: false });
    },
  };
  const work = async (): Promise<ReportMessage> => {
    try {
      const { files, result } = await runner(payload, context);
      const finished = await finishFiles(files, places);
      return { type: 'done', run, files: finished, result: plainJson(result) };
    } catch (error) {
      return isAbort(error) && aborting.signal.aborted ? { type: 'aborted', run } : failureOf(run, error);
    }
  };
  return {
    ended: work().then(message => {
      told.flush();
      report(message);
    }),
    abort: why => {
      aborting.abort(new DOMException(`the job was asked to end: ${why}`, 'AbortError'));
      go();
    },
    wait: () => {
      turn ??= Promise.withResolvers();
    },
    go,
  };
}
