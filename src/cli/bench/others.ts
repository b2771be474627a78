/** @file How busy other programs kept the machine while something was measured; bench/peers/measuring.py does the same. */
import { readFileSync } from 'node:fs';

/** Seconds of all cores since boot, from the first line of /proc/stat: those with work (or stolen), and all. */
export function coreSeconds(stat: string): { busy: number; all: number } {
  const [user, nice, system, idle, waiting, ...interrupts] = stat
    .split('\n')[0]
    .trim()
    .split(/\s+/)
    .slice(1, 9)
    .map(ticks => Number(ticks) / 100);
  const busy = [user, nice, system, ...interrupts].reduce((a, b) => a + b, 0);
  return { busy, all: busy + idle + waiting };
}

const ownSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** What a process knows of the cores at one moment. */
export interface Moment {
  readonly busy: number;
  readonly all: number;
  /** Seconds of all cores that it has used itself. */
  readonly own: number;
}

/** Share of all cores that others used between two moments; the counters of system and process differ a little. */
export function shareOfOthers(before: Moment, after: Moment): number {
  const others = after.busy - before.busy - (after.own - before.own);
  return Math.max(0, others) / (after.all - before.all);
}

/** Starts to watch; the result tells the share of all cores that others have used since, where that can be known. */
export function watchOthers(): () => number | undefined {
  if (process.platform !== 'linux') return () => undefined;
  const now = (): Moment => ({ ...coreSeconds(readFileSync('/proc/stat', 'utf8')), own: ownSeconds() });
  const before = now();
  return () => shareOfOthers(before, now());
}
