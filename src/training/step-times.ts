/** @file Notices when steps become much slower than they were, and says why where the machine tells. */
import { readFileSync } from 'node:fs';
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os';

/** So many times the usual time … */
const factor = 4;
/** … in so many steps in a row … */
const inARow = 5;
/** … after so many that tell what is usual. */
const settled = 8;
/** The usual time is the median of so many. */
const remembered = 101;

export interface SlowDown {
  /** Medians, in seconds. */
  readonly usual: number;
  readonly now: number;
}

/** The middle one, of two the higher. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Told of every step, returns once that they have become slow. The first step and those that open a session do not count. */
export function openSlowDownDetector(): (seconds: number, opened: boolean) => SlowDown | undefined {
  const usual: number[] = [];
  let slow: number[] = [];
  let isTold = false;
  return (seconds, opened) => {
    if (isTold || opened) return undefined;
    if (usual.length >= settled && seconds >= factor * median(usual)) {
      slow.push(seconds);
      if (slow.length < inARow) return undefined;
      isTold = true;
      return { usual: median(usual), now: median(slow) };
    }
    // A few slow steps between quick ones are not what is usual.
    slow = [];
    usual.push(seconds);
    if (usual.length > remembered) usual.shift();
    return undefined;
  };
}

/** What the machine says of its memory, in bytes; faults are pages that had to be read from disk so far. */
export interface MachineFacts {
  readonly resident: number;
  readonly available: number;
  readonly total: number;
  readonly swapUsed: number;
  readonly pageFaults: number;
  /** Processes that want to run, on average over a minute, per processor. */
  readonly load: number;
}

/** `MemAvailable`, `SwapTotal` … of Linux, in bytes. */
function memoryInfo(name: string, text: string): number | undefined {
  const [, kilobytes] = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text) ?? [];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

export function machineFacts(): MachineFacts {
  let info = '';
  try {
    info = readFileSync('/proc/meminfo', 'utf8');
  } catch {
    // Only Linux has it.
  }
  return {
    resident: process.memoryUsage.rss(),
    available: memoryInfo('MemAvailable', info) ?? freemem(),
    total: memoryInfo('MemTotal', info) ?? totalmem(),
    swapUsed: (memoryInfo('SwapTotal', info) ?? 0) - (memoryInfo('SwapFree', info) ?? 0),
    pageFaults: process.resourceUsage().majorPageFault,
    load: loadavg()[0] / availableParallelism(),
  };
}

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/** Pages read from disk in a step from which on a step is slow because of them: each takes about 0.1 ms. */
const manyFaults = 500;
/** Memory is full when less than this share of it is left. */
const littleLeft = 0.1;

/** Why steps may have become slow, and what helps. `faults` are those of the slow steps. */
export function likelyReason(facts: MachineFacts, faults: number): string {
  const { resident, available, total, swapUsed, load } = facts;
  const memory = `this process holds ${gib(resident)}, ${gib(available)} of ${gib(total)} are left`;
  const swap = swapUsed > 0 ? `, ${gib(swapUsed)} are swapped out` : '';
  if (faults >= inARow * manyFaults || (available < littleLeft * total && faults > 0)) {
    const help = 'Close other programs, or stop (Ctrl-C) and go on with --resume and --memory';
    return `memory has run out: ${memory}${swap}, and ${faults} pages were read from disk meanwhile. ${help}`;
  }
  if (load > 2) {
    return `other programs keep the processors busy (load ${load.toFixed(1)} for each); memory is enough: ${memory}`;
  }
  return `the machine is slower than before: too hot, on battery, or shared with others; memory is enough: ${memory}`;
}

export interface StepTimes {
  /** A warning, once, when steps have become slow. */
  push(seconds: number, opened: boolean): string | undefined;
}

export function openStepTimes(facts: () => MachineFacts = machineFacts): StepTimes {
  const detect = openSlowDownDetector();
  const faults: number[] = [];
  return {
    push(seconds, opened) {
      const now = facts();
      faults.push(now.pageFaults);
      if (faults.length > inARow + 1) faults.shift();
      const slow = detect(seconds, opened);
      if (!slow) return undefined;
      const times = (slow.now / slow.usual).toFixed(0);
      const [before, after] = [slow.usual, slow.now].map(s => (s < 10 ? s.toFixed(2) : s.toFixed(0)));
      return `steps take ${times} times as long as before (${after} s instead of ${before} s): ${likelyReason(now, now.pageFaults - faults[0])}`;
    },
  };
}
