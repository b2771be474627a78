/** @file Rows of a run's journal, read on from where the last reading ended; what a resumed run took back is read anew. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setImmediate as pause } from 'node:timers/promises';
import { isStepRow, parseRow, type StepRow, type ValidationRow } from '../../../training/index.ts';

export interface RunRows {
  readonly steps: readonly StepRow[];
  readonly validations: readonly ValidationRow[];
}

interface Reading {
  readonly steps: StepRow[];
  readonly validations: ValidationRow[];
  /** Whole lines so far. */
  bytes: number;
  /** Of the last bytes before that, to know them again. */
  tail: string;
}

/** Of all runs together; the one that was read last is kept whatever its length. */
const mostRowsKept = 200_000;
/** Between so many rows everybody else has a turn. */
const rowsAtOnce = 2000;
const tailBytes = 512;
const kept = new Map<string, Reading>();
const chains = new Map<string, Promise<unknown>>();

const fresh = (): Reading => ({ steps: [], validations: [], bytes: 0, tail: '' });
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const rowsIn = ({ steps, validations }: RunRows): number => steps.length + validations.length;

async function take(reading: Reading, bytes: Buffer): Promise<void> {
  let [at, count] = [0, 0];
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, at)) {
    const row = parseRow(bytes.toString('utf8', at, end));
    if (row === undefined) break;
    if (isStepRow(row)) reading.steps.push(row);
    else reading.validations.push(row);
    at = end + 1;
    if (++count % rowsAtOnce === 0) await pause();
  }
  reading.bytes += at;
}

function keep(path: string, reading: Reading): void {
  kept.delete(path);
  kept.set(path, reading);
  let rows = [...kept.values()].reduce((sum, one) => sum + rowsIn(one), 0);
  for (const [oldest, one] of kept) {
    if (rows <= mostRowsKept || oldest === path) return;
    kept.delete(oldest);
    rows -= rowsIn(one);
  }
}

async function readOn(path: string): Promise<RunRows> {
  if (!existsSync(path)) return { steps: [], validations: [] };
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const read = async (from: number, to: number): Promise<Buffer> => {
      const bytes = Buffer.alloc(Math.max(0, to - from));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
      return bytes.subarray(0, bytesRead);
    };
    const tailOf = async (end: number): Promise<string> =>
      hashOf(await read(Math.max(0, end - tailBytes), end));
    const before = kept.get(path);
    const isSame = before && before.bytes <= size && (await tailOf(before.bytes)) === before.tail;
    const reading = isSame ? before : fresh();
    kept.delete(path); // half of a reading is none
    await take(reading, await read(reading.bytes, size));
    reading.tail = await tailOf(reading.bytes);
    keep(path, reading);
    return { steps: [...reading.steps], validations: [...reading.validations] };
  } finally {
    await file.close();
  }
}

/** Reads `steps.jsonl` of a run; whoever asks meanwhile waits for the reading before. */
export function readRunRows(path: string): Promise<RunRows> {
  const before = chains.get(path) ?? Promise.resolve();
  const reading = before.then(
    () => readOn(path),
    () => readOn(path),
  );
  chains.set(path, reading);
  const leave = (): void => {
    if (chains.get(path) === reading) chains.delete(path);
  };
  reading.then(leave, leave);
  return reading;
}
