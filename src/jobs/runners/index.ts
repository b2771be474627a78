/** Runners: what a child process does for each kind of job. */
import type { DeviceName } from '../../workbench/index.ts';
import type { JobKind, PayloadOf } from '../kinds.ts';
import { jobKindOf, parsePayload } from '../new-job.ts';
import type { JobRunner, OpenRunner } from '../runner.ts';
import { datasetReportRunner } from './look/dataset-report.ts';
import { planRunner } from './look/plan.ts';
import { mergeRunner } from './merge.ts';
import { openPictureBench, type PictureBench } from './pictures/bench.ts';
import { compareRunner } from './pictures/compare.ts';
import { generateRunner } from './pictures/generate.ts';
import { trainRunner } from './training/train.ts';

export interface RunnerOptions {
  /** Where graphs run; the processor unless said. */
  readonly device?: DeviceName | undefined;
}

/** What runners of a process share. */
interface Shared {
  readonly device: DeviceName;
  readonly bench: PictureBench;
}

type RunnerTable = {
  readonly [K in JobKind]: {
    readonly open: (shared: Shared) => JobRunner<PayloadOf<K>>;
    /** What its jobs leave open in memory. */
    readonly release: (shared: Shared) => Promise<void>;
  };
};

const nothing = async (): Promise<void> => undefined;
const closeBench = ({ bench }: Shared): Promise<void> => bench.release();

const runnerTable: RunnerTable = {
  generate: { open: ({ bench }) => generateRunner(bench), release: closeBench },
  compare: { open: ({ bench }) => compareRunner(bench), release: closeBench },
  train: { open: ({ device }) => trainRunner(device), release: nothing },
  merge: { open: () => mergeRunner(), release: nothing },
  plan: { open: ({ device }) => planRunner(device), release: nothing },
  'dataset-report': { open: () => datasetReportRunner(), release: nothing },
};

export interface Runners {
  /** The runner of a kind; it checks its payload. Runners of pictures share one open model. Throws KIND_UNKNOWN. */
  open<K extends JobKind>(kind: K): OpenRunner<unknown>;
}

/** Opens the runners of a process; nothing is loaded before the first job. */
export function openRunners({ device = 'cpu' }: RunnerOptions = {}): Runners {
  const shared: Shared = { device, bench: openPictureBench(device) };
  return {
    open(kind) {
      const row = runnerTable[jobKindOf(kind) as typeof kind];
      const run = row.open(shared);
      return {
        run: async (payload, context) => run(parsePayload(kind, payload), context),
        release: () => row.release(shared),
      };
    },
  };
}
