/** @file One leased attempt, from its lease to its end in the queue: there is no way out of here that leaves a lease behind. */
import { access, constants, mkdir } from 'node:fs/promises';
import { LoraError } from '../../errors.ts';
import type { DataFolder } from '../../workbench/index.ts';
import type { ReportMessage, StopReason } from '../child/messages.ts';
import type { JobError, JobId, JobProgress, Lease } from '../queue.ts';
import { type ChildDeath, deathError } from './child-handle.ts';
import { openHeart } from './heart.ts';
import { insist } from './insist.ts';
import { isJobId, type JobFolder, jobFolderOf, removeStaging } from './job-folder.ts';
import type { JobLogs } from './job-log.ts';
import type { LaneChild, LaneChildren } from './lane-children.ts';
import { type LaneName, laneOf } from './lanes.ts';
import { type Publication, readPublication } from './publication/journal.ts';
import {
  endPublication,
  isWhole,
  placeFiles,
  planPublication,
  settlePublication,
  undoPublication,
} from './publication/publish.ts';
import type { SupervisorSettings } from './settings.ts';

export type AttemptPhase = 'starting' | 'running' | 'asked to wait' | 'waiting' | 'ending' | 'ended';

export interface SupervisedAttempt {
  readonly lease: Lease;
  /** What its child knows it by. */
  readonly run: string;
  readonly phase: () => AttemptPhase;
  readonly progress: () => JobProgress | undefined;
  readonly ended: Promise<void>;
  hear(message: ReportMessage): void;
  died(death: ChildDeath): void;
  abort(why: StopReason): void;
  /** What was asked of it is asked no more; where it has heard already, it goes back to the queue. */
  withdrawPause(): void;
  askToWait(): void;
  letGo(): void;
  beat(): Promise<void>;
}

export interface AttemptDesk {
  readonly settings: SupervisorSettings;
  readonly children: LaneChildren;
  readonly logs: JobLogs;
  /** Before a child of this lane is asked for. */
  readonly makeRoom: (lane: LaneName) => Promise<void>;
  readonly onProgress: (lease: Lease, progress: JobProgress) => void;
  readonly onPreview: (lease: Lease, name: string, bytes: Uint8Array) => void;
  readonly onNote: (lease: Lease, text: string) => void;
  /** Its phase is another one. */
  readonly onChange: () => void;
  /** How often a job could not begin since it last did. */
  readonly failedStarts: Map<JobId, number>;
  /** It could not begin, for a reason that may lie with the machine. */
  readonly onTrouble: (error: JobError) => void;
}

const errorOf = (code: string, cause: unknown): JobError => {
  if (cause instanceof LoraError)
    return {
      code: cause.code,
      message: cause.message,
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
    };
  return { code, message: cause instanceof Error ? cause.message : String(cause) };
};

/** Starts that fail without a fault of the job. */
const patientStarts = 2;
/** Of the disk and of the system's tables. */
const machineCodes = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE', 'ENOMEM']);

/** Whether another job would not begin either: no child, no disk, or jobs have no folder that can be written. */
async function isOfTheMachine(cause: unknown, { jobs }: Pick<DataFolder, 'jobs'>): Promise<boolean> {
  const { code = '' } = cause as { readonly code?: string };
  if (code === 'CHILD_FAILED' || code.startsWith('DISK_') || machineCodes.has(code)) return true;
  return access(jobs, constants.W_OK | constants.X_OK).then(
    () => false,
    () => true,
  );
}

/** Makes the job's folders; what dead attempts staged goes. */
async function makeFolders(folder: JobFolder, attempt: number): Promise<void> {
  await mkdir(folder.work, { recursive: true, mode: 0o700 });
  await removeStaging(folder);
  await mkdir(folder.staging(attempt), { mode: 0o700 });
}

/** Of several reasons to end, the weightiest says what becomes of the job. */
const weightOf = (why: StopReason | undefined): number =>
  why === undefined ? 0 : ['stop', 'pause', 'cancel', 'lost'].indexOf(why) + 1;

const afterStop = { cancel: 'cancelled', pause: 'paused', stop: 'queued' } as const;

export function superviseAttempt(lease: Lease, desk: AttemptDesk): SupervisedAttempt {
  const { settings, children, logs } = desk;
  const { queue, data, log } = settings;
  const { jobId, attempt, kind, payload } = lease;
  const run = `${jobId}#${attempt}`;
  let phase: AttemptPhase = 'starting';
  let progress: JobProgress | undefined;
  let child: LaneChild | undefined;
  let stopReason: StopReason | undefined;
  let abortTimer: NodeJS.Timeout | undefined;
  const ended = Promise.withResolvers<void>();

  const complain = (what: string) => (error: unknown) =>
    log.warn(`job ${jobId}: ${what}: ${error instanceof Error ? error.message : String(error)}`);
  const note = (event: string, facts: Readonly<Record<string, unknown>> = {}): void =>
    logs.write(jobId, { attempt, event, ...facts });
  const isOver = (): boolean => phase === 'ending' || phase === 'ended';
  const turnTo = (next: AttemptPhase): void => {
    phase = next;
    desk.onChange();
  };

  const heart = openHeart({
    ...{ queue, lease, heartbeatMs: settings.heartbeatMs, progressMs: settings.progressMs },
    onAsked: what => abort(what),
    onFailure: complain('its lease could not be renewed'),
  });

  /** The one way out: says the last word to the queue, then lets go of everything. */
  const end = async (sayLast: () => Promise<void>): Promise<void> => {
    if (isOver()) return;
    turnTo('ending');
    clearTimeout(abortTimer);
    if (child) children.leave(child, run); // it has said its last word, or is dead
    await sayLast().catch(complain('its end could not be written down'));
    heart.stop();
    turnTo('ended');
    ended.resolve();
  };

  const clearAway = async (): Promise<void> => {
    if (!isJobId(jobId)) return;
    const folder = jobFolderOf(data, jobId);
    if (await readPublication(folder.publication)) return; // the next attempt goes on with it
    await removeStaging(folder).catch(complain('what it staged stays there'));
  };

  const release = (why: Exclude<StopReason, 'lost'>): Promise<void> =>
    end(async () => {
      await clearAway();
      note('given back', { why });
      await insist(() => queue.release(lease, afterStop[why]), complain('it could not be given back'));
    });

  const fail = (error: JobError, isAnswer: boolean): Promise<void> =>
    end(async () => {
      await clearAway();
      note('failed', { ...error, isAnswer });
      const answer = await insist(
        () => queue.fail(lease, error, !isAnswer),
        complain('it could not be failed'),
      );
      log.info(`job ${jobId}: attempt ${attempt} failed with ${error.code}, and is ${answer}`);
    });

  /** Its lease is somebody else's: nothing of it is said. */
  const drop = (): Promise<void> =>
    end(async () => {
      note('lost');
      await clearAway();
    });

  const settle = async (): ReturnType<typeof settlePublication> =>
    settlePublication(data, jobId, await queue.get(jobId));

  const tellQueue = async (publication: Publication): Promise<void> => {
    const artefacts = await placeFiles(data, publication);
    if (artefacts.length === 0) await clearAway();
    const said = await insist(
      () => queue.complete(lease, artefacts, publication.result),
      complain('it could not be completed'),
    );
    note('ended', { answer: said, files: artefacts.map(({ path }) => path) });
    if (said === 'published') await endPublication(data, publication);
    else await settle();
  };

  /** Where files cannot be published, the next attempt goes on with them; after the last one they are taken back. */
  const failToPublish = async (cause: unknown): Promise<void> => {
    const error = errorOf('JOB_NOT_PUBLISHED', cause);
    note('failed', { ...error });
    await insist(() => queue.fail(lease, error, true), complain('it could not be failed'));
    await settle();
  };

  const publish = (plan: () => Promise<Publication>): Promise<void> =>
    end(() => plan().then(tellQueue).catch(failToPublish));

  const finishBy = (why: StopReason): Promise<void> => (why === 'lost' ? drop() : release(why));

  /** What an attempt before this one had finished, if all of it is still there. */
  const finishedBefore = async (folder: JobFolder): Promise<Publication | undefined> => {
    const publication = await readPublication(folder.publication);
    if (!publication || publication.jobId !== jobId) return undefined;
    if (await isWhole(data, publication)) return publication;
    await undoPublication(data, publication);
    return undefined;
  };

  const begin = async (): Promise<void> => {
    const folder = jobFolderOf(data, jobId);
    const finished = await finishedBefore(folder);
    if (finished) {
      note('publishes what an attempt before has finished', { before: finished.attempt });
      return publish(async () => finished);
    }
    await makeFolders(folder, attempt);
    if (stopReason) return finishBy(stopReason);
    await desk.makeRoom(laneOf(kind));
    const taken = await children.take(laneOf(kind), run);
    child = taken;
    if (isOver()) return children.leave(taken, run);
    if (stopReason) return finishBy(stopReason);
    desk.failedStarts.delete(jobId);
    note('begins', { kind, pid: taken.handle.pid });
    turnTo('running');
    const places = {
      data: data.path,
      work: folder.work,
      staging: folder.staging(attempt),
      cache: data.cache,
    };
    taken.handle.send({ type: 'run', run, jobId, attempt, kind, payload, places });
  };

  const cannotBegin = async (cause: unknown): Promise<void> => {
    const error = errorOf('JOB_CANNOT_BEGIN', cause);
    if (error.code === 'JOB_BAD_ID') return fail(error, true);
    log.error(`job ${jobId} could not begin: ${error.message}`);
    if (stopReason) return finishBy(stopReason);
    const times = (desk.failedStarts.get(jobId) ?? 0) + 1;
    desk.failedStarts.set(jobId, times);
    // A machine may recover; what is wrong with one job must not keep the others.
    if (times > patientStarts && !(await isOfTheMachine(cause, data))) return fail(error, false);
    desk.onTrouble(error);
    return release('stop');
  };

  function abort(why: StopReason): void {
    if (isOver() || weightOf(stopReason) >= weightOf(why)) return;
    const isFirst = stopReason === undefined;
    stopReason = why;
    if (!isFirst) return; // it has been told; only what becomes of it is another
    note('asked to end', { why });
    if (phase === 'starting') return;
    child?.handle.send({ type: 'abort', run, why });
    abortTimer = setTimeout(() => {
      note('did not end when it was asked to, and is killed');
      child?.handle.kill();
    }, settings.abortMs);
  }

  const hearFailure = ({ error, isAnswer }: ReportMessage & { readonly type: 'failed' }): Promise<void> => {
    const isForgotten = stopReason === 'cancel' || stopReason === 'lost';
    if (stopReason && (isForgotten || !isAnswer)) return finishBy(stopReason);
    return fail(error as JobError, isAnswer);
  };

  const hearWaiting = (isWaiting: boolean): void => {
    if (isWaiting && phase === 'asked to wait') {
      turnTo('waiting');
      const text = `waits for others${progress?.text ? ` · ${progress.text}` : ''}`;
      const waiting: JobProgress = { share: 0, ...progress, text };
      desk.onProgress(lease, waiting);
      heart.tell(waiting);
    } else if (!isWaiting && progress) {
      desk.onProgress(lease, progress);
      heart.tell(progress);
    }
  };

  const hear = (message: ReportMessage): void => {
    if (isOver()) return;
    if (message.type === 'progress') {
      progress = message.progress as JobProgress;
      desk.onProgress(lease, progress);
      heart.tell(progress);
    } else if (message.type === 'preview') desk.onPreview(lease, message.name, message.bytes);
    else if (message.type === 'note') {
      note('note', { text: message.text });
      desk.onNote(lease, message.text);
    } else if (message.type === 'waiting') hearWaiting(message.isWaiting);
    else if (message.type === 'done')
      void publish(() => planPublication(data, lease, message, settings.now()));
    else if (message.type === 'failed') void hearFailure(message);
    else if (message.type === 'aborted')
      void (stopReason
        ? finishBy(stopReason)
        : fail({ code: 'JOB_FAULT', message: 'the job ended unasked' }, false));
  };

  void begin().catch(cannotBegin);
  return {
    ...{ lease, run, hear, abort, ended: ended.promise },
    phase: () => phase,
    progress: () => progress,
    died: death => {
      // Killed for another attempt that it held beside this one: no fault of this one.
      if (stopReason) void finishBy(stopReason);
      else if (death.isKilled) void release('stop');
      else void fail(deathError(death), false);
    },
    withdrawPause: () => {
      if (stopReason === 'pause') stopReason = 'stop';
    },
    askToWait: () => {
      if (phase !== 'running' || stopReason) return;
      phase = 'asked to wait';
      child?.handle.send({ type: 'wait', run });
    },
    letGo: () => {
      if (phase !== 'asked to wait' && phase !== 'waiting') return;
      phase = 'running';
      child?.handle.send({ type: 'go', run });
    },
    beat: () => heart.beat(),
  };
}
