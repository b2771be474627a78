/** @file bench/results.json: every run of every case, so that one case can be measured again, or once more. */
import { existsSync, readFileSync } from 'node:fs';
import { writeFileAtomic } from '../../files/index.ts';
import { projectPath } from '../../workbench/index.ts';
import type { Case } from './cases.ts';
import { cases } from './cases.ts';
import type { Everyday } from './everyday.ts';
import type { Run } from './runs.ts';

/** All that was measured of one case on one machine. */
export interface Row {
  readonly machine: string;
  /** Day of the last run. */
  readonly date: string;
  /** The machine's peak when the row was begun. */
  readonly matmulGflops: number;
  /** Runs by engine, each a process. */
  readonly engines: Readonly<Record<string, readonly Run[]>>;
}

export interface Results {
  readonly rows: Readonly<Record<string, Row>>;
  readonly everyday?: Everyday & { readonly machine: string; readonly date: string };
}

export const resultsPath = (): string => projectPath('bench/results.json');

export function readResults(path = resultsPath()): Results {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Results) : { rows: {} };
}

/** Rows in the order of the cases; what is no case any more is dropped. */
export async function writeResults(results: Results, path = resultsPath()): Promise<void> {
  const rows = Object.fromEntries(
    cases.flatMap(({ name }) => (results.rows[name] ? [[name, results.rows[name]]] : [])),
  );
  await writeFileAtomic(path, `${JSON.stringify({ ...results, rows }, null, 1)}\n`);
}

/** A row with one more run; a row of another machine, or one that is not to be kept, starts anew. */
export function withRun(row: Row | undefined, head: Omit<Row, 'engines'>, engine: string, run: Run): Row {
  const before = row && row.machine === head.machine ? row : { ...head, engines: {} };
  const engines = { ...before.engines, [engine]: [...(before.engines[engine] ?? []), run] };
  return { ...before, date: head.date, engines };
}

/** Ours first, then the peers, as the case lists them; those that were measured. */
export function enginesOf({ ours, peers }: Case, row: Row): string[] {
  return [...ours.map(({ engine }) => engine), ...peers].filter(engine => row.engines[engine]);
}
