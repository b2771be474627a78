/** @file The lanes: which child process does which kinds of jobs, a row each. */
import { type JobKind, type JobKindRow, jobKindNames, jobKinds } from '../kinds.ts';

export type LaneName = JobKindRow['lane'];

export interface Lane {
  /** How long its child stays open after a job; 0: it ends with its job. */
  readonly staysMs: number;
  /** Its jobs may begin while one of lower priority waits between two steps. */
  readonly goesFirst: boolean;
  /** Added to the child's niceness, so that pages stay quick while it computes. */
  readonly niceness: number;
  /** It takes memory for itself: an idle child that holds a model gives way when memory is short. */
  readonly wantsMemory: boolean;
}

const minutes = 60_000;

export const usualLanes: Readonly<Record<LaneName, Lane>> = {
  pictures: { staysMs: 10 * minutes, goesFirst: true, niceness: 0, wantsMemory: false },
  training: { staysMs: 0, goesFirst: false, niceness: 5, wantsMemory: true },
  files: { staysMs: 0, goesFirst: false, niceness: 5, wantsMemory: true },
  look: { staysMs: 3 * minutes, goesFirst: true, niceness: 0, wantsMemory: false },
};

/** Kinds that wait between two steps while others go first: their runners call `yieldToOthers`. */
export const yieldingKinds: readonly JobKind[] = ['train', 'compare', 'merge'];

export const laneOf = (kind: JobKind): LaneName => jobKinds[kind].lane;

export function kindsOf(lanes: readonly LaneName[]): JobKind[] {
  return jobKindNames.filter(kind => lanes.includes(laneOf(kind)));
}
