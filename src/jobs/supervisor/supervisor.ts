/**
 * @file The supervisor: leases jobs, has children do them, and keeps the queue told. It lives in the server's process and
 * computes nothing.
 */
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Job, JobError, JobEvent, JobId, JobProgress, Lease, WorkerInfo } from '../queue.ts';
import { type SupervisedAttempt, superviseAttempt } from './attempt.ts';
import { isJobId } from './job-folder.ts';
import { openJobLogs } from './job-log.ts';
import { openLaneChildren } from './lane-children.ts';
import type { LaneName } from './lanes.ts';
import { openPreviews } from './previews.ts';
import { settlePublication } from './publication/publish.ts';
import { diskTrouble, makeRoom } from './room.ts';
import { openScheduler } from './scheduler.ts';
import { type SupervisorOptions, type SupervisorSettings, settingsOf } from './settings.ts';
import { type SweepOptions, type Swept, sweepJobs } from './sweep.ts';
import { openWorkerRecord, type WorkerRecord } from './worker-record.ts';

export interface SupervisorEvents {
  progress: [jobId: JobId, progress: JobProgress];
  preview: [jobId: JobId, name: string, bytes: Uint8Array];
  note: [jobId: JobId, text: string];
  status: [status: SupervisorStatus];
}

export interface SupervisorStatus {
  readonly worker: string;
  /** The last one computes, the others wait for it. */
  readonly running: readonly {
    readonly jobId: JobId;
    readonly attempt: number;
    readonly kind: string;
    readonly phase: string;
  }[];
  readonly children: readonly { readonly lane: LaneName; readonly pid: number; readonly isIdle: boolean }[];
  /** Why nothing begins: DISK_LOW, CHILD_FAILED, or what the disk said. */
  readonly trouble: JobError | undefined;
  readonly isStopping: boolean;
}

export interface Supervisor {
  readonly events: EventEmitter<SupervisorEvents>;
  previewOf(jobId: JobId, name: string): Uint8Array | undefined;
  previewsOf(jobId: JobId): string[];
  /** Through the queue, and to the job at once. */
  cancel(id: JobId): Promise<Job>;
  pause(id: JobId): Promise<Job>;
  resume(id: JobId): Promise<Job>;
  status(): SupervisorStatus;
  /** Closes idle children, e.g. because settings changed; busy ones after their job. */
  recycle(): Promise<void>;
  /** Removes what ended jobs left behind, and old uploads. */
  sweep(options?: SweepOptions): Promise<Swept>;
  /** Running jobs save their state and go back to the queue; children end. The queue stays open. */
  stop(): Promise<void>;
}

const recoverEveryMs = 30_000;
/** Before the queue is listened to again. */
const listenAgainMs = 1000;

/** Takes up what supervisors before this one left: orphans, leases, publications. */
async function takeOver({ queue, data, log }: SupervisorSettings, record: WorkerRecord): Promise<void> {
  if (record.killed > 0) log.warn(`${record.killed} processes of a studio that died were ended`);
  const recovered = await queue.recover(record.deadWorkers);
  if (recovered.length > 0) log.info(`${recovered.length} jobs of a studio that died are taken up again`);
  for (const entry of await readdir(data.jobs, { withFileTypes: true }))
    if (entry.isDirectory() && isJobId(entry.name))
      await settlePublication(data, entry.name, await queue.get(entry.name));
}

/** Passes on to an attempt what the queue says of its job. */
function tellAttempt(attempt: SupervisedAttempt, job: Job): void {
  if (job.state !== 'running' || job.attempt !== attempt.lease.attempt) return;
  if (job.asked) attempt.abort(job.asked);
  else attempt.withdrawPause();
}

/**
 * Takes up what a supervisor before this one left, then begins to work. The data folder has to be made and locked. Throws
 * what the queue or the disk say.
 */
export async function openSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const settings = settingsOf(options);
  const { queue, data, log } = settings;
  const worker: WorkerInfo = { id: randomUUID(), pid: process.pid };
  const record = await openWorkerRecord(data, worker.id);
  await takeOver(settings, record);

  const events = new EventEmitter<SupervisorEvents>();
  const previews = openPreviews();
  const logs = openJobLogs(data, settings.now);
  const closing = new AbortController();
  const failedStarts = new Map<JobId, number>();
  let trouble: JobError | undefined;
  let restUntil = 0;
  let recoveredAt = performance.now();
  let isStopping = false;

  const children = openLaneChildren(settings, record, {
    onReport: (child, message) => {
      if (message.type !== 'ready' && child.runs.has(message.run))
        scheduler
          .pile()
          .find(({ run }) => run === message.run)
          ?.hear(message);
    },
    onDeath: (child, death) => {
      for (const attempt of scheduler.pile().filter(({ run }) => child.runs.has(run))) attempt.died(death);
      scheduler.wake();
    },
  });

  const status = (): SupervisorStatus => ({
    worker: worker.id,
    running: scheduler.pile().map(({ lease: { jobId, attempt, kind }, phase }) => ({
      ...{ jobId, attempt, kind, phase: phase() },
    })),
    children: children
      .list()
      .map(({ lane, handle, runs }) => ({ lane, pid: handle.pid, isIdle: runs.size === 0 })),
    ...{ trouble, isStopping },
  });
  const tellStatus = (): void => void events.emit('status', status());

  const tellTrouble = (next: JobError | undefined): void => {
    if (next?.code === trouble?.code && next?.message === trouble?.message) return;
    trouble = next;
    if (next) log.warn(`no job begins: ${next.message}`);
    tellStatus();
  };

  const mayBegin = async (): Promise<boolean> => {
    if (performance.now() < restUntil) return false;
    const low = await diskTrouble(settings);
    if (low || trouble?.code === 'DISK_LOW') tellTrouble(low);
    return !low;
  };

  const begin = (lease: Lease): SupervisedAttempt => {
    const attempt = superviseAttempt(lease, {
      ...{ settings, children, logs, failedStarts },
      makeRoom: lane => makeRoom(settings, children, lane),
      onProgress: ({ jobId }, progress) => events.emit('progress', jobId, progress),
      onPreview: ({ jobId }, name, bytes) => {
        previews.set(jobId, name, bytes);
        events.emit('preview', jobId, name, bytes);
      },
      onNote: ({ jobId }, text) => events.emit('note', jobId, text),
      onChange: () => {
        if (attempt.phase() === 'running') tellTrouble(undefined);
        tellStatus();
        scheduler.wake();
      },
      onTrouble: error => {
        restUntil = performance.now() + settings.restMs;
        tellTrouble(error);
      },
    });
    return attempt;
  };

  const scheduler = openScheduler({
    ...{ settings, worker, mayBegin, begin, resting: children.resting, onChange: tellStatus },
  });

  const hearJob = (job: Job): void => {
    const own = scheduler.pile().find(({ lease }) => lease.jobId === job.id);
    if (own) tellAttempt(own, job);
    else if (job.state === 'cancelled' || job.state === 'failed')
      void settlePublication(data, job.id, job).catch(error => log.warn(String(error)));
    scheduler.wake();
  };

  const hear = async (events: AsyncIterable<JobEvent>): Promise<void> => {
    for await (const { type, job } of events) if (type === 'changed') hearJob(job);
  };

  /** Listens until it is stopped; what was not heard between two times is read. */
  const listen = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      try {
        const events = queue.watch({}, closing.signal);
        scheduler.wake();
        for (const { lease } of scheduler.pile()) {
          const job = await queue.get(lease.jobId);
          if (job) hearJob(job);
        }
        await hear(events);
      } catch (error) {
        complain('the queue is listened to anew')(error);
      }
      await delay(listenAgainMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined);
    }
  };

  /** What kept a job from beginning is over when nothing wants to begin; the disk is looked at by itself. */
  const forgetTrouble = async (): Promise<void> => {
    if (!trouble || trouble.code === 'DISK_LOW' || scheduler.pile().length > 0) return;
    const { total } = await queue.list({ states: ['queued', 'running'], limit: 1 });
    if (total === 0) tellTrouble(undefined);
  };

  const look = async (): Promise<void> => {
    if (performance.now() - recoveredAt >= recoverEveryMs) {
      recoveredAt = performance.now();
      // After a sleep of the machine: ours first, then those of nobody.
      await Promise.all(scheduler.pile().map(attempt => attempt.beat()));
      await queue.recover();
    }
    await forgetTrouble();
    scheduler.wake();
  };

  const complain = (what: string) => (error: unknown) => {
    if (!isStopping) log.error(`${what}: ${String(error)}`);
  };
  const polling = setInterval(() => void look().catch(complain('the queue cannot be read')), settings.pollMs);
  void listen();
  scheduler.wake();

  const act = (say: (id: JobId) => Promise<Job>) => async (id: JobId) => {
    const job = await say(id);
    hearJob(job);
    return job;
  };
  const isRunning = (id: JobId): boolean => scheduler.pile().some(({ lease }) => lease.jobId === id);

  const stop = async (): Promise<void> => {
    isStopping = true;
    clearInterval(polling);
    await scheduler.stop();
    tellStatus();
    for (const attempt of scheduler.pile()) attempt.abort('stop');
    await Promise.all(scheduler.pile().map(({ ended }) => ended));
    closing.abort();
    await children.closeIdle();
    await children.killAll();
    await logs.flush();
    await record.close();
  };
  let stopped: Promise<void> | undefined;

  return {
    ...{ events, status },
    previewOf: previews.get,
    previewsOf: previews.namesOf,
    cancel: act(id => queue.cancel(id)),
    pause: act(id => queue.pause(id)),
    resume: act(id => queue.resume(id)),
    recycle: () => children.recycle(),
    sweep: sweepOptions => sweepJobs(settings, isRunning, sweepOptions),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}
