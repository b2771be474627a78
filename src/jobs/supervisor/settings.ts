/** @file What a supervisor is given, and what is usual. */
import { statfs } from 'node:fs/promises';
import { extname } from 'node:path';
import { availableMemory } from '../../generation/index.ts';
import type { DataFolder } from '../../workbench/index.ts';
import type { JobQueue } from '../queue.ts';
import { type Lane, type LaneName, usualLanes } from './lanes.ts';
import { memoryOf } from './process-memory.ts';

/** As pino has it. */
export interface SupervisorLog {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}

export interface SupervisorOptions {
  readonly queue: JobQueue;
  /** Locked by whoever opens the supervisor: a folder has one at a time. */
  readonly data: DataFolder;
  readonly log?: SupervisorLog | undefined;
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
  readonly lanes?: Readonly<Partial<Record<LaneName, Partial<Lane>>>> | undefined;
  /** The module of runners that children load; see RunnerModule. */
  readonly runners?: URL | undefined;
  /** Where graphs run; the processor unless said. Children that are open keep theirs until `recycle`. */
  readonly device?: (() => string) | undefined;
  /** A Node that runs TypeScript; this one unless said. */
  readonly execPath?: string | undefined;
  readonly times?: Readonly<Partial<typeof usualTimes>> | undefined;
  /** No job begins with less free on the disk of the data folder; 500 MB unless said. */
  readonly minFreeBytes?: number | (() => number) | undefined;
  /** Free bytes of a folder's disk; undefined where it does not tell. */
  readonly freeBytes?: ((folder: string) => Promise<number | undefined>) | undefined;
  /** Bytes that may still be taken before the machine swaps. */
  readonly availableMemory?: (() => number) | undefined;
  /** Bytes that a process holds. */
  readonly memoryOf?: ((pid: number) => Promise<number>) | undefined;
}

export const usualTimes = {
  heartbeatMs: 10_000,
  /** Between two writings of a job's progress into the queue. */
  progressMs: 1000,
  /** Between two looks for work that no event told of. */
  pollMs: 2000,
  /** A child that does not answer an abort in this time is killed. */
  abortMs: 60_000,
  /** One that does not start in this time, too. */
  startMs: 120_000,
  closeMs: 5000,
  /** After a start that failed; doubled with each one, up to a minute. */
  restMs: 1000,
};

export type SupervisorSettings = Required<{
  readonly [Name in Exclude<keyof SupervisorOptions, 'times' | 'lanes'>]: NonNullable<
    SupervisorOptions[Name]
  >;
}> &
  Readonly<typeof usualTimes> & { readonly lanes: Readonly<Record<LaneName, Lane>> };

const silent: SupervisorLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

async function freeBytesOf(folder: string): Promise<number | undefined> {
  const facts = await statfs(folder).catch(() => undefined);
  return facts && facts.blocks > 0 ? facts.bavail * facts.bsize : undefined;
}

export function settingsOf(options: SupervisorOptions): SupervisorSettings {
  const lane = (name: LaneName): Lane => ({ ...usualLanes[name], ...options.lanes?.[name] });
  return {
    ...{ queue: options.queue, data: options.data, log: options.log ?? silent, now: options.now ?? Date.now },
    ...{ ...usualTimes, ...options.times },
    lanes: {
      ...{ pictures: lane('pictures'), training: lane('training') },
      ...{ files: lane('files'), look: lane('look') },
    },
    runners: options.runners ?? new URL(`../child/product${extname(import.meta.url)}`, import.meta.url),
    device: options.device ?? (() => 'cpu'),
    execPath: options.execPath ?? process.execPath,
    minFreeBytes: options.minFreeBytes ?? 500e6,
    freeBytes: options.freeBytes ?? freeBytesOf,
    availableMemory: options.availableMemory ?? availableMemory,
    memoryOf: options.memoryOf ?? memoryOf,
  };
}
