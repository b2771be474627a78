/** @file Rows of a run's journal, read on from where the last reading ended; what a resumed run took back is read anew. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
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

const mostKept = 32;
const tailBytes = 512;
const kept = new Map<string, Reading>();

const fresh = (): Reading => ({ steps: [], validations: [], bytes: 0, tail: '' });
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function take(reading: Reading, bytes: Buffer): void {
  let at = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, at)) {
    const row = parseRow(bytes.toString('utf8', at, end));
    if (row === undefined) break;
    if (isStepRow(row)) reading.steps.push(row);
    else reading.validations.push(row);
    at = end + 1;
  }
  reading.bytes += at;
}

/** Reads `steps.jsonl` of a run. */
export async function readRunRows(path: string): Promise<RunRows> {
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
    take(reading, await read(reading.bytes, size));
    reading.tail = await tailOf(reading.bytes);
    kept.delete(path);
    kept.set(path, reading);
    const [oldest] = kept.keys();
    if (kept.size > mostKept) kept.delete(oldest);
    return reading;
  } finally {
    await file.close();
  }
}
