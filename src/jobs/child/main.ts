/** @file The child process: runs attempts of one lane, as its supervisor says. `main.ts <parent> <runners> <data folder, JSON> <niceness> [device]` */
import { setPriority } from 'node:os';
import { z } from 'zod';
import type { DataFolder } from '../../workbench/index.ts';
import type { JobKind } from '../kinds.ts';
import type { JobNames, OpenRunner } from '../runner.ts';
import { type Attempt, beginAttempt } from './attempt.ts';
import { type OrderMessage, orderMessage, type ReportMessage } from './messages.ts';
import { dieWithParent } from './watchdog.ts';

export interface RunnerSet {
  readonly names: JobNames;
  /** Asked once a kind; the runner checks its payload itself. */
  openRunner(kind: JobKind): Promise<OpenRunner<unknown>>;
}

/** What the module of runners gives: that of the product, or one of tests. */
export interface RunnerModule {
  /** `device`: where graphs run. */
  openRunnerSet(data: DataFolder, device?: string): Promise<RunnerSet>;
}

const [parent, runnersUrl, dataJson, niceness, device] = process.argv.slice(2);

// Ctrl-C and a stop of the service reach the whole group; the supervisor decides what becomes of jobs.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
dieWithParent(Number(parent));
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
try {
  setPriority(Number(niceness));
} catch {
  // not allowed here
}

const report = (message: ReportMessage): void => {
  process.send?.(message);
};

const data = z.record(z.string(), z.string()).parse(JSON.parse(dataJson)) as unknown as DataFolder;
const module = (await import(runnersUrl)) as RunnerModule;
const { names, openRunner } = await module.openRunnerSet(data, device);
const runners = new Map<string, Promise<OpenRunner<unknown>>>();
const attempts = new Map<string, Attempt>();

function runnerOf(kind: JobKind): Promise<OpenRunner<unknown>> {
  const opened = runners.get(kind) ?? openRunner(kind);
  runners.set(kind, opened);
  opened.catch(() => runners.delete(kind));
  return opened;
}

function begin(order: OrderMessage & { readonly type: 'run' }): void {
  const { run, jobId, attempt, places, kind } = order;
  const begun = beginAttempt(
    async (payload, context) => (await runnerOf(kind as JobKind)).run(payload, context),
    order.payload,
    { run, jobId, attempt, places, names, report },
  );
  attempts.set(run, begun);
  void begun.ended.finally(() => attempts.delete(run));
}

async function close(): Promise<void> {
  for (const { abort } of attempts.values()) abort('stop');
  await Promise.allSettled([...attempts.values()].map(({ ended }) => ended));
  for (const opened of runners.values()) await opened.then(({ release }) => release()).catch(() => undefined);
  process.exit(0);
}

process.on('message', (message: unknown) => {
  const order = orderMessage.parse(message);
  if (order.type === 'run') begin(order);
  else if (order.type === 'close') void close();
  else if (order.type === 'abort') attempts.get(order.run)?.abort(order.why);
  else if (order.type === 'wait') attempts.get(order.run)?.wait();
  else attempts.get(order.run)?.go();
});

report({ type: 'ready' });
