/** bench/results.json: what is kept, what is replaced. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cases } from './cases.ts';
import { enginesOf, readResults, withRun, writeResults } from './results.ts';

const head = { machine: 'a, 2 cores', date: '2026-01-02', matmulGflops: 200 };
const run = (seconds: number) => ({ seconds: [seconds], peakBytes: 1 });

test('runs are added by engine, with the day of the last; the peak stays that of the begun row', () => {
  const first = withRun(undefined, head, 'lora-studio', run(1));
  const later = { ...head, date: '2026-01-03', matmulGflops: 100 };
  const second = withRun(withRun(first, later, 'PyTorch float32', run(2)), later, 'lora-studio', run(3));
  expect(second).toEqual({
    ...head,
    date: '2026-01-03',
    engines: { 'lora-studio': [run(1), run(3)], 'PyTorch float32': [run(2)] },
  });
});

test('a run on another machine starts the row anew', () => {
  const first = withRun(undefined, head, 'lora-studio', run(1));
  const other = { ...head, machine: 'b, 8 cores' };
  expect(withRun(first, other, 'lora-studio', run(2)).engines).toEqual({ 'lora-studio': [run(2)] });
});

test('rows are written in the order of the cases; what is no case is dropped; reading gives them back', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'lora-bench-')), 'results.json');
  expect(readResults(path)).toEqual({ rows: {} });
  const row = withRun(undefined, head, 'lora-studio', run(1));
  const names = [cases[2].name, 'no case', cases[0].name];
  await writeResults({ rows: Object.fromEntries(names.map(name => [name, row])) }, path);
  expect(Object.entries(readResults(path).rows)).toEqual([
    [cases[0].name, row],
    [cases[2].name, row],
  ]);
});

test('engines stand as the case lists them, ours first', () => {
  const one = cases.find(({ ours }) => ours.length > 1)!;
  const names = [...one.ours.map(({ engine }) => engine), ...one.peers];
  const engines = Object.fromEntries([...names].reverse().map(name => [name, [run(1)]]));
  expect(enginesOf(one, { ...head, engines })).toEqual(names);
});
