/** @file The heartbeats of one lease, which carry its progress and bring back what is asked of the job. */
import type { JobProgress, JobQueue, Lease } from '../queue.ts';

export interface Heart {
  /** To be passed on with the next beat, which comes soon. */
  tell(progress: JobProgress): void;
  beat(): Promise<void>;
  stop(): void;
}

export interface HeartOptions {
  readonly queue: JobQueue;
  readonly lease: Lease;
  readonly heartbeatMs: number;
  readonly progressMs: number;
  readonly onAsked: (what: 'cancel' | 'pause' | 'lost') => void;
  readonly onFailure: (error: unknown) => void;
}

export function openHeart({ queue, lease, heartbeatMs, progressMs, ...events }: HeartOptions): Heart {
  let untold: JobProgress | undefined;
  let [lastBeat, isBeating, isStopped] = [performance.now(), false, false];
  let soon: NodeJS.Timeout | undefined;

  const beat = async (): Promise<void> => {
    if (isBeating || isStopped) return;
    const told = untold;
    [isBeating, untold, lastBeat] = [true, undefined, performance.now()];
    clearTimeout(soon);
    soon = undefined;
    try {
      const answer = await queue.heartbeat(lease, told);
      if (answer !== 'continue' && !isStopped) events.onAsked(answer);
    } catch (error) {
      untold ??= told;
      events.onFailure(error);
    } finally {
      isBeating = false;
    }
  };

  const timer = setInterval(() => void beat(), heartbeatMs);
  return {
    beat,
    tell: progress => {
      untold = progress;
      if (isStopped) return;
      soon ??= setTimeout(() => void beat(), Math.max(0, lastBeat + progressMs - performance.now()));
    },
    stop: () => {
      isStopped = true;
      clearInterval(timer);
      clearTimeout(soon);
    },
  };
}
