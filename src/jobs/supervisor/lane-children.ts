/** @file The children by lane: started by need, kept for a while, started again after a pause when they cannot start. */
import { LoraError } from '../../errors.ts';
import type { ReportMessage } from '../child/messages.ts';
import { type ChildDeath, type ChildHandle, startChild } from './child-handle.ts';
import type { Lane, LaneName } from './lanes.ts';
import type { ProcessIdentity } from './process-identity.ts';
import type { SupervisorSettings } from './settings.ts';
import type { WorkerRecord } from './worker-record.ts';

export interface LaneChild {
  readonly lane: LaneName;
  readonly handle: ChildHandle;
  readonly identity: ProcessIdentity;
  readonly startedAt: number;
  /** Attempts that it holds. */
  readonly runs: Set<string>;
  idle: NodeJS.Timeout | undefined;
}

export interface LaneChildren {
  /** The lane's child, ready for an attempt, which is added to its runs. Throws when it cannot be started. */
  take(lane: LaneName, run: string): Promise<LaneChild>;
  /** An attempt is over; the child stays or goes, as its lane says. */
  leave(child: LaneChild, run: string): void;
  /** Closes children without attempts: of these lanes, or of all. */
  closeIdle(lanes?: readonly LaneName[]): Promise<void>;
  /** Closes all: those with attempts when these have ended. */
  recycle(): Promise<void>;
  killAll(): Promise<void>;
  /** Lanes whose child could not be started lately. */
  resting(): LaneName[];
  list(): readonly LaneChild[];
}

export interface LaneEvents {
  readonly onReport: (child: LaneChild, message: ReportMessage) => void;
  readonly onDeath: (child: LaneChild, death: ChildDeath) => void;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const longestRestMs = 60_000;

export function openLaneChildren(
  settings: SupervisorSettings,
  record: WorkerRecord,
  events: LaneEvents,
): LaneChildren {
  const { lanes, log } = settings;
  const open = new Map<LaneName, LaneChild>();
  const rests = new Map<LaneName, { readonly until: number; readonly failures: number }>();
  const closing = new Set<Promise<unknown>>();
  /** They load nothing new. */
  const outdated = new WeakSet<LaneChild>();

  const close = async (child: LaneChild): Promise<void> => {
    clearTimeout(child.idle);
    if (open.get(child.lane) === child) open.delete(child.lane);
    const closed = child.handle.close();
    closing.add(closed);
    await closed.finally(() => closing.delete(closed));
  };

  const rest = (lane: LaneName): void => {
    const failures = (rests.get(lane)?.failures ?? 0) + 1;
    const pause = Math.min(longestRestMs, settings.restMs * 2 ** (failures - 1));
    rests.set(lane, { failures, until: performance.now() + pause });
  };

  const start = async (lane: LaneName, row: Lane): Promise<LaneChild> => {
    let child: LaneChild | undefined;
    const handle = startChild({
      ...{ data: settings.data, runners: settings.runners, execPath: settings.execPath },
      ...{ niceness: row.niceness, device: settings.device(), closeMs: settings.closeMs },
      onReport: message => child && events.onReport(child, message),
      onNonsense: what => log.warn(`the ${lane} process said what it may not say: ${what}`),
    });
    const late = setTimeout(() => handle.kill(), settings.startMs);
    try {
      const identity = await handle.ready;
      await record.add(identity);
      child = { lane, handle, identity, startedAt: settings.now(), runs: new Set(), idle: undefined };
    } catch (error) {
      handle.kill();
      rest(lane);
      const hint = 'It is tried again soon. `lora doctor` looks at the installation.';
      throw new LoraError('CHILD_FAILED', `the ${lane} process cannot be started: ${messageOf(error)}`, {
        hint,
      });
    } finally {
      clearTimeout(late);
    }
    rests.delete(lane);
    open.set(lane, child);
    const started = child;
    void handle.death.then(death => {
      clearTimeout(started.idle);
      record.remove(started.identity);
      if (open.get(lane) === started) open.delete(lane);
      events.onDeath(started, death);
    });
    return child;
  };

  const closeIdle: LaneChildren['closeIdle'] = async names => {
    const idle = [...open.values()].filter(
      ({ lane, runs }) => runs.size === 0 && (names?.includes(lane) ?? true),
    );
    await Promise.all([...idle.map(close), ...closing]);
  };

  return {
    async take(lane, run) {
      const kept = open.get(lane);
      const child = kept && !kept.handle.isDead() ? kept : await start(lane, lanes[lane]);
      clearTimeout(child.idle);
      child.runs.add(run);
      return child;
    },
    leave(child, run) {
      child.runs.delete(run);
      if (child.runs.size > 0 || child.handle.isDead()) return;
      const { staysMs } = lanes[child.lane];
      if (staysMs === 0 || outdated.has(child)) void close(child);
      else child.idle = setTimeout(() => void close(child), staysMs).unref();
    },
    closeIdle,
    async recycle() {
      for (const child of open.values()) outdated.add(child);
      await closeIdle();
    },
    async killAll() {
      for (const { handle } of open.values()) handle.kill();
      await Promise.all([...[...open.values()].map(({ handle }) => handle.death), ...closing]);
    },
    resting: () => [...rests].filter(([, { until }]) => until > performance.now()).map(([lane]) => lane),
    list: () => [...open.values()],
  };
}
