/**
 * @file The journal of a run: `my-lora.run/` beside `my-lora.safetensors`, with what it was made of (run.json), a line a step
 * (steps.jsonl, steps.csv), TensorBoard's event file and previews. It never holds a run up and never ends one.
 */
import { join } from 'node:path';
import { writeFileAtomic } from '../../files/index.ts';
import { isTimeFixed, now } from '../clock.ts';
import { openAppendQueue } from './append-queue.ts';
import { pictureEvent, scalarEvent } from './events/events.ts';
import {
  type GivenManifest,
  manifestText,
  type RunManifest,
  type RunResult,
  type RunStatus,
} from './manifest.ts';
import { cutBack, type JournalFiles, openFiles, readManifest, setAside } from './open-files.ts';
import { previewName, runFiles, runFolderOf } from './places.ts';
import { readPngSize } from './png-size.ts';
import { isStepRow, partsOf, type Row, rowLine, type StepRow, tableLine, tableText } from './rows.ts';
import { openSmoother } from './smooth.ts';

/** What the journal wants to know of a step; a StepReport of the trainer has it all. */
export interface JournalStep {
  /** Finished steps. */
  readonly step: number;
  readonly loss: number;
  readonly rate: number;
  /** Rates by part (`unet`, `text_encoder`), where they differ. The same parts in every step. */
  readonly rates?: Readonly<Record<string, number>>;
  readonly gradientNorm: number;
  readonly seconds: number;
}

export interface JournalValidation {
  readonly step: number;
  readonly loss: number;
  /** The confidence interval. */
  readonly low?: number;
  readonly high?: number;
  /** The best so far. */
  readonly isBest?: boolean;
}

export interface JournalOptions {
  /** The LoRA file of the run. */
  readonly out: string;
  /** Finished steps of a run that goes on: what the journal says of later ones is cut off. Undefined for a new run. */
  readonly resumeAt?: number | undefined;
  readonly manifest: GivenManifest;
  /** Told at most once of a failure; the run goes on without its journal. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** An older journal of that name was kept under another. */
  readonly onSetAside?: ((folder: string) => void) | undefined;
}

export interface FinishedRun {
  readonly status: Exclude<RunStatus, 'running'>;
  readonly result: RunResult;
  /** Hashes of the base's files, by kohya's names for them. */
  readonly baseHashes?: Readonly<Record<string, string>>;
}

export interface Journal {
  readonly folder: string;
  step(report: JournalStep): void;
  validation(report: JournalValidation): void;
  /** A preview; `name` says which prompt, step 0 is without the LoRA. */
  picture(name: string, step: number, png: Uint8Array): void;
  /** Something worth knowing later: `resumed`, `rolled back`, `warning`. */
  event(kind: string, message: string): void;
  /** Takes back what is said of steps after `step`, which are done again. */
  rewind(step: number): void;
  /** Brings what was said so far to the disk: before a run state is saved, so that the journal is never behind it. */
  flush(): Promise<void>;
  finish(run: FinishedRun): Promise<void>;
}

/** Nobody waits longer for a disk. */
const mostWaitMilliseconds = 5000;

/** Unix seconds with parts; whole ones where the time is fixed, so that the same run writes the same bytes. */
const exactTime = (): number => (isTimeFixed() ? now() : Date.now() / 1000);
const memoryNow = (): number => (isTimeFixed() ? 0 : process.memoryUsage.rss());
const measured = (seconds: number): number => (isTimeFixed() ? 0 : Math.round(seconds * 1e4) / 1e4);

/** Tags as sd-scripts has them where it has them, so that curves of both lie over each other. */
function stepScalars({ loss, smoothed, rate, rates, gradientNorm, seconds, memory }: StepRow) {
  const byPart = Object.entries(rates ?? { unet: rate }).map(
    ([part, value]) => [`lr/${part}`, value] as const,
  );
  return {
    'loss/current': loss,
    'loss/average': smoothed,
    ...Object.fromEntries(byPart),
    'gradient/norm': gradientNorm,
    'time/step': seconds,
    'memory/process': memory,
  };
}

function newManifest(
  { out, manifest, resumeAt }: JournalOptions,
  before: RunManifest | undefined,
): RunManifest {
  const at = now();
  const name = runFolderOf(out).split(/[\\/]/).at(-1)?.slice(0, -'.run'.length) ?? '';
  return {
    format: 'lora-studio run 1',
    name,
    status: 'running',
    startedAt: before?.startedAt ?? at,
    finishedAt: null,
    resumed: resumeAt === undefined ? [] : [...(before?.resumed ?? []), { step: resumeAt, at }],
    ...manifest,
    result: null,
  };
}

/** Opens the journal of a run. Where its folder cannot be written, says so and keeps none. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { out, resumeAt, onWarning } = options;
  const folder = runFolderOf(out);
  const warn = (cause: unknown): void => {
    const why = cause instanceof Error ? cause.message : String(cause);
    onWarning?.(`the journal ${folder} stops here, the run goes on: ${why}`);
  };
  try {
    const aside = resumeAt === undefined ? await setAside(folder) : undefined;
    if (aside) options.onSetAside?.(aside);
    const manifest = newManifest(options, await readManifest(folder));
    const files = await openFiles(folder, manifest.startedAt);
    const rows = await cutBack(folder, files, resumeAt ?? 0, manifest.startedAt);
    await writeFileAtomic(join(folder, runFiles.manifest), manifestText(manifest));
    return keepJournal(folder, files, rows, manifest, warn);
  } catch (error) {
    warn(error);
    return noJournal(folder);
  }
}

const noJournal = (folder: string): Journal => ({
  folder,
  step: () => undefined,
  validation: () => undefined,
  picture: () => undefined,
  event: () => undefined,
  rewind: () => undefined,
  flush: async () => undefined,
  finish: async () => undefined,
});

function keepJournal(
  folder: string,
  files: JournalFiles,
  rows: readonly Row[],
  manifest: RunManifest,
  warn: (cause: unknown) => void,
): Journal {
  const queue = openAppendQueue(warn);
  const all = [files.steps, files.table, files.events, files.log];
  let losses = rows.filter(isStepRow).map(({ step, loss }) => ({ step, loss }));
  let smoother = openSmoother(losses.map(({ loss }) => loss));
  let parts = partsOf(rows);
  /** Rows before the first step, which wait for the columns of the table. */
  let early: Row[] = parts ? [] : [...rows];
  let lastStep = rows.at(-1)?.step ?? 0;

  const append = (row: Row): void => {
    queue.append(files.steps, rowLine(row));
    lastStep = row.step;
    if (parts) {
      queue.append(files.table, tableLine(row, parts));
      return;
    }
    early.push(row);
    parts = partsOf(early);
    if (parts) queue.append(files.table, tableText(early));
  };
  const addScalars = (step: number, scalars: Readonly<Record<string, number>>): void =>
    queue.append(files.events, scalarEvent({ time: exactTime(), step }, scalars));

  return {
    folder,
    step({ step, loss, rate, rates, gradientNorm, seconds }) {
      losses.push({ step, loss });
      const row = {
        ...{ step, loss, smoothed: smoother.next(loss), rate },
        ...(rates ? { rates: { ...rates } } : {}),
        ...{ gradientNorm, seconds: measured(seconds), memory: memoryNow() },
      };
      append(row);
      addScalars(step, stepScalars(row));
    },
    validation({ step, loss, low, high, isBest }) {
      const interval = low === undefined || high === undefined ? {} : { low, high };
      append({ step, validation: loss, ...interval, ...(isBest === undefined ? {} : { best: isBest }) });
      const bounds = Object.entries(interval).map(([name, value]) => [`validation/${name}`, value] as const);
      addScalars(step, { 'loss/validation': loss, ...Object.fromEntries(bounds) });
    },
    picture(name, step, png) {
      const picture = { ...readPngSize(png), png };
      queue.append(files.events, pictureEvent({ time: exactTime(), step }, `preview/${name}`, picture));
      queue.add(() => writeFileAtomic(join(folder, runFiles.previews, previewName(name, step)), png));
    },
    event(kind, message) {
      const line = { time: now(), step: lastStep, kind, message };
      queue.append(files.log, `${JSON.stringify(line)}\n`);
    },
    rewind(step) {
      losses = losses.filter(known => known.step <= step);
      smoother = openSmoother(losses.map(({ loss }) => loss));
      if (losses.length === 0) {
        parts = undefined;
        early = early.filter(row => row.step <= step && !isStepRow(row));
      }
      lastStep = step;
      queue.add(async () => {
        await cutBack(folder, files, step, manifest.startedAt);
      });
    },
    async flush() {
      if (!(await queue.drain(mostWaitMilliseconds))) return;
      for (const { handle } of all) await handle.datasync().catch(() => undefined); // not every device can
    },
    async finish({ status, result, baseHashes }) {
      await queue.drain(mostWaitMilliseconds);
      const base = { ...manifest.base, hashes: { ...manifest.base.hashes, ...baseHashes } };
      const done = { ...manifest, status, finishedAt: now(), base, result };
      await writeFileAtomic(join(folder, runFiles.manifest), manifestText(done)).catch((error: unknown) => {
        if (!queue.stopped) warn(error);
      });
      for (const { handle } of all) await handle.close().catch(() => undefined);
    },
  };
}
