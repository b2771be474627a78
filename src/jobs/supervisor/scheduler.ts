/**
 * @file Decides which job begins, and who waits for whom. One job computes at a time. A job that yields waits between two
 * steps while others go first; so what runs is a pile of attempts of rising priority, of which the top one computes and the
 * others wait.
 */
import type { Job, Lease, WorkerInfo } from '../queue.ts';
import type { SupervisedAttempt } from './attempt.ts';
import { kindsOf, type LaneName, usualLanes, yieldingKinds } from './lanes.ts';
import type { SupervisorSettings } from './settings.ts';

export interface Scheduler {
  readonly pile: () => readonly SupervisedAttempt[];
  /** Something has changed: decides again, soon. */
  wake(): void;
  /** Nothing begins any more; resolves when no decision is under way. */
  stop(): Promise<void>;
}

export interface SchedulerOptions {
  readonly settings: SupervisorSettings;
  readonly worker: WorkerInfo;
  /** Lanes whose child cannot be started for now. */
  readonly resting: () => readonly LaneName[];
  /** Whether the machine allows that a job begins. */
  readonly mayBegin: () => Promise<boolean>;
  readonly begin: (lease: Lease) => SupervisedAttempt;
  readonly onChange: () => void;
}

const allLanes = Object.keys(usualLanes) as LaneName[];
/** Queued jobs that are looked through for one that may go first. */
const lookAhead = 50;

export function openScheduler(options: SchedulerOptions): Scheduler {
  const { settings, worker, resting, mayBegin, begin, onChange } = options;
  const { queue, lanes, log } = settings;
  const firstLanes = allLanes.filter(name => lanes[name].goesFirst);
  let pile: readonly SupervisedAttempt[] = [];
  let [isStopped, isDeciding, isWoken] = [false, false, false];
  let deciding: Promise<void> = Promise.resolve();

  const freeKinds = (names: readonly LaneName[]) => kindsOf(names.filter(name => !resting().includes(name)));

  const isReady = async ({ after }: Job): Promise<boolean> => {
    for (const id of after) {
      const needed = await queue.get(id);
      if (needed && needed.state !== 'done') return false; // one that was removed was done
    }
    return true;
  };

  /** Whether a job of the lanes that go first waits, of higher priority than this one. */
  const isSomebodyAbove = async (priority: number): Promise<boolean> => {
    const { jobs } = await queue.list({ states: ['queued'], kinds: freeKinds(firstLanes), limit: lookAhead });
    for (const job of jobs) {
      if (job.priority <= priority) return false; // they come in the order in which they run
      if (await isReady(job)) return true;
    }
    return false;
  };

  const add = (lease: Lease): void => {
    const attempt = begin(lease);
    pile = [...pile, attempt];
    void attempt.ended.then(() => {
      pile = pile.filter(other => other !== attempt);
      onChange();
      wake();
    });
    onChange();
  };

  /** Leases the next job of these lanes whose priority is above this one; false when there is none. */
  const startNext = async (names: readonly LaneName[], above: number): Promise<boolean> => {
    const kinds = freeKinds(names);
    if (kinds.length === 0 || !(await mayBegin())) return false;
    const lease = await queue.lease(kinds, worker);
    if (!lease) return false;
    // Moved meanwhile, or an attempt of it that lost its lease has not ended yet.
    const isHeld = pile.some(other => other.lease.jobId === lease.jobId);
    if (lease.priority <= above || isStopped || isHeld) {
      await queue.release(lease, 'queued');
      return false;
    }
    add(lease);
    return true;
  };

  const goOn = (attempt: SupervisedAttempt): void => {
    attempt.letGo();
    onChange();
  };

  const decide = async (): Promise<void> => {
    const top = pile.at(-1);
    if (!top) {
      await startNext(allLanes, Number.NEGATIVE_INFINITY);
      return;
    }
    const { priority, kind } = top.lease;
    if (top.phase() === 'running' && yieldingKinds.includes(kind)) {
      if (await isSomebodyAbove(priority)) top.askToWait();
    } else if (top.phase() === 'asked to wait') {
      if (!(await isSomebodyAbove(priority))) goOn(top);
    } else if (top.phase() === 'waiting') {
      const isStarted = (await isSomebodyAbove(priority)) && (await startNext(firstLanes, priority));
      if (!isStarted) goOn(top);
    }
  };

  async function decideAll(): Promise<void> {
    try {
      while (isWoken && !isStopped) {
        isWoken = false;
        await decide();
      }
    } finally {
      isDeciding = false; // in the same turn as the last look at isWoken
    }
  }

  function wake(): void {
    isWoken = true;
    if (isDeciding || isStopped) return;
    isDeciding = true;
    deciding = decideAll().catch(error => log.error(`the supervisor could not decide: ${String(error)}`));
  }

  return {
    pile: () => pile,
    wake,
    async stop() {
      isStopped = true;
      await deciding;
    },
  };
}
