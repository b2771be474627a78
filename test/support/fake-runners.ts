/**
 * @file Quick runners for tests of the supervisor, in a real child process: each job is a list of steps. Payloads that are
 * no such list go to the product's own runners. Files are made in pieces, and say themselves whether they are whole.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LoraError } from '../../src/errors.ts';
import type { RunnerModule, RunnerSet } from '../../src/jobs/child/main.ts';
import type { JobContext, JobNames, JobOutcome, StagedFile } from '../../src/jobs/index.ts';

export type FakeStep =
  | { readonly do: 'sleep'; readonly ms: number }
  /** The event loop stands still, as in a session of ONNX Runtime. */
  | { readonly do: 'block'; readonly ms: number }
  | {
      readonly do: 'stage';
      readonly fileName: string;
      readonly type?: StagedFile['type'];
      readonly kB?: number;
    }
  /** Steps with their state in the work folder, as a training run has them. */
  | {
      readonly do: 'train';
      readonly steps: number;
      readonly ms: number;
      readonly isDeaf?: boolean;
      /** After this step it waits until `open.gate` lies beside the trace, and yields and hears meanwhile. */
      readonly gateAt?: number;
    }
  | { readonly do: 'exit' | 'kill' | 'fault' | 'answer' | 'abort'; readonly attempts?: readonly number[] }
  | { readonly do: 'stage a link'; readonly to: string }
  | { readonly do: 'stderr'; readonly text: string }
  | { readonly do: 'preview'; readonly name: string; readonly bytes: number[] };

export const fakeJob = (...steps: FakeStep[]): { readonly fake: readonly FakeStep[] } => ({ fake: steps });

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A file that begins with the hash of its rest. */
export function fakeFile(jobId: string, fileName: string, kB: number): Buffer {
  const line = `${jobId} ${fileName} `;
  const rest = Buffer.from(line.repeat(Math.ceil((kB * 1024) / line.length)));
  return Buffer.concat([Buffer.from(hashOf(rest)), rest]);
}

export function isWholeFake(bytes: Buffer): boolean {
  return bytes.length > 64 && hashOf(bytes.subarray(64)) === bytes.toString('utf8', 0, 64);
}

/** Where jobs say what they did, in the order in which they did it. */
export const tracePath = (data: string): string => join(data, 'logs', 'trace.jsonl');

export interface TraceEntry {
  readonly jobId: string;
  readonly attempt: number;
  readonly what: string;
  readonly pid: number;
}

export function readTrace(data: string): TraceEntry[] {
  if (!existsSync(tracePath(data))) return [];
  const lines = readFileSync(tracePath(data), 'utf8').split('\n').filter(Boolean);
  return lines.map(line => JSON.parse(line) as TraceEntry);
}

function trace({ jobId, attempt, places }: JobContext, what: string): void {
  mkdirSync(join(places.data, 'logs'), { recursive: true });
  const entry: TraceEntry = { jobId, attempt, what, pid: process.pid };
  appendFileSync(tracePath(places.data), `${JSON.stringify(entry)}\n`);
}

async function stage(step: FakeStep & { do: 'stage' }, context: JobContext): Promise<StagedFile> {
  const { fileName, type = 'picture', kB = 64 } = step;
  const path = join(context.places.staging, fileName);
  const bytes = fakeFile(context.jobId, fileName, kB);
  const handle = await open(path, 'w');
  for (let at = 0; at < bytes.length; at += 16_384) await handle.write(bytes.subarray(at, at + 16_384));
  await handle.close();
  return { name: fileName, type, path, fileName };
}

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** Opens the gate at which fake training runs wait. */
export const openGate = (data: string): void => writeFileSync(join(data, 'logs', 'open.gate'), '');

async function passGate({ places, signal, yieldToOthers }: JobContext): Promise<void> {
  while (!existsSync(join(places.data, 'logs', 'open.gate'))) {
    await yieldToOthers();
    signal.throwIfAborted();
    await delay(5);
  }
}

async function train(
  { steps, ms, isDeaf, gateAt }: FakeStep & { do: 'train' },
  context: JobContext,
): Promise<void> {
  const state = join(context.places.work, 'state');
  const first = existsSync(state) ? Number(readFileSync(state, 'utf8')) : 0;
  for (let step = first; step < steps; step++) {
    await context.yieldToOthers();
    if (!isDeaf) context.signal.throwIfAborted();
    block(ms);
    writeFileSync(state, String(step + 1));
    trace(context, `step ${step + 1}`);
    context.progress({ share: (step + 1) / steps, text: `step ${step + 1} of ${steps}` });
    if (gateAt === step + 1) await passGate(context);
  }
}

const ends = {
  exit: () => process.exit(7),
  kill: () => process.kill(process.pid, 'SIGKILL'),
  fault: () => {
    throw new RangeError('a fault of the program');
  },
  answer: () => {
    throw new LoraError('FAKE_ANSWER', 'it cannot be done', { hint: 'Do something else.' });
  },
  abort: () => {
    throw new DOMException('unasked', 'AbortError');
  },
} as const;

async function doStep(step: FakeStep, context: JobContext, files: StagedFile[]): Promise<void> {
  if (step.do === 'sleep') await delay(step.ms, undefined, { signal: context.signal });
  else if (step.do === 'block') block(step.ms);
  else if (step.do === 'stage') files.push(await stage(step, context));
  else if (step.do === 'stage a link')
    files.push({ name: 'link', type: 'picture', path: step.to, fileName: 'link.png' });
  else if (step.do === 'train') await train(step, context);
  else if (step.do === 'preview') context.preview(step.name, Uint8Array.from(step.bytes));
  else if (step.do === 'stderr') process.stderr.write(step.text);
  else if (!step.attempts || step.attempts.includes(context.attempt)) {
    await delay(20); // what was written before is out
    ends[step.do]();
    await delay(5000);
  }
}

async function run(steps: readonly FakeStep[], context: JobContext): Promise<JobOutcome> {
  trace(context, 'begin');
  context.note(`attempt ${context.attempt} begins`);
  const files: StagedFile[] = [];
  for (const step of steps) {
    context.signal.throwIfAborted();
    await doStep(step, context, files);
  }
  trace(context, 'end');
  return { files, result: { attempt: context.attempt, pid: process.pid } };
}

const nothing = (): never => {
  throw new LoraError('FAKE_NAMES', 'fake jobs know no names');
};
const fakeNames: JobNames = {
  ...{ base: nothing, lora: nothing, dataset: nothing, upload: nothing },
  ...{ loraFolders: [], embeddingFolders: [], wildcardFolders: [] },
};

/** Opens the product's runners where a job needs them. */
function openProduct(...options: Parameters<RunnerModule['openRunnerSet']>): () => Promise<RunnerSet> {
  let opened: Promise<RunnerSet> | undefined;
  return () => {
    opened ??= import('../../src/jobs/child/product.ts').then(module => module.openRunnerSet(...options));
    return opened;
  };
}

export const openRunnerSet: RunnerModule['openRunnerSet'] = async (...options) => {
  const product = openProduct(...options);
  return {
    names: fakeNames,
    openRunner: async kind => ({
      run: async (payload, context) => {
        const { fake } = payload as { fake?: readonly FakeStep[] };
        if (fake) return run(fake, context);
        const { names, openRunner } = await product();
        return (await openRunner(kind)).run(payload, { ...context, names });
      },
      release: async () => undefined,
    }),
  };
};
