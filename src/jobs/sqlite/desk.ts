/** @file What every part of the queue works with: the file, the clock, and the rules of this queue. */
import type { Bell } from './bell.ts';
import type { Store } from './store.ts';

export interface Desk {
  readonly store: Store;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly leaseMs: number;
  readonly keepEvents: number;
  /** Rung when something was written. */
  readonly bell: Bell;
}

/** A write that others hear of. */
export function change<T>(desk: Desk, work: () => T, isLasting = true): T {
  const outcome = desk.store.write(work, isLasting);
  desk.bell.ring();
  return outcome;
}
