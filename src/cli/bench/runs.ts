/** @file What one measured process says, and the figures of several: best, median, peak. */

/** One process. */
export interface Run {
  /** Of each repetition, in order. */
  readonly seconds: readonly number[];
  readonly peakBytes: number;
  /** The same work without LoRA, in turn with each repetition. */
  readonly without?: readonly number[];
  /** Time to open sessions, where the work has any. */
  readonly setupSeconds?: number;
  /** Products and convolutions of one repetition, as the graph says them. */
  readonly gflop?: number;
  /** What a plan chose. */
  readonly how?: string;
  /** Share of all cores that other programs used meanwhile. */
  readonly others?: number | null;
}

export interface Figures {
  readonly best: number;
  readonly median: number;
  readonly peakBytes: number;
  /** Median of time over that without LoRA, each over its neighbour. */
  readonly overWithout: number | undefined;
  readonly setupSeconds: number | undefined;
  readonly gflops: number | undefined;
  readonly how: string | undefined;
  readonly count: number;
  /** The busiest of the runs. */
  readonly others: number | undefined;
}

/** The first repetition of a process pages weights in and is left out, unless it is the only one. */
const warm = ({ seconds }: Run): readonly number[] => (seconds.length > 1 ? seconds.slice(1) : seconds);

const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)];

/** Neighbours in time share what else the machine did. */
function overWithout(runs: readonly Run[]): number | undefined {
  const ratios = runs.flatMap(run =>
    run.without
      ? warm(run).map((time, i) => time / (run.without?.slice(-warm(run).length)[i] as number))
      : [],
  );
  return ratios.length === 0 ? undefined : median(ratios.sort((a, b) => a - b));
}

/** Best and median over all processes; the highest peak. */
export function figuresOf(runs: readonly Run[]): Figures {
  const seconds = runs.flatMap(warm).sort((a, b) => a - b);
  const [{ gflop, setupSeconds, how }] = runs;
  const others = runs.flatMap(run => run.others ?? []);
  return {
    best: seconds[0],
    median: median(seconds),
    overWithout: overWithout(runs),
    peakBytes: Math.max(...runs.map(run => run.peakBytes)),
    setupSeconds,
    gflops: gflop === undefined ? undefined : gflop / seconds[0],
    how,
    count: seconds.length,
    others: others.length === 0 ? undefined : Math.max(...others),
  };
}
