/** Ratios, bounds and what is shown of them. */
import { expect, test } from 'vitest';
import type { Case } from './cases.ts';
import { documentOf, measuredOf } from './document.ts';
import { comparedTable, comparisons, measuredTable } from './table.ts';

const one: Case = {
  name: 'a step',
  work: { kind: 'train', model: 'sd15', size: { batch: 1, height: 64, width: 64, tokens: 77 }, repeats: 2 },
  ours: [
    {
      engine: 'lora-studio',
      goals: { against: { 'PyTorch float32': 0.5 }, mostBytes: 2e9, leastPeakShare: 0.55, mostSeconds: 3 },
    },
    { engine: 'lora-studio --memory 5GB', memory: 5e9 },
  ],
  peers: ['PyTorch float32', 'PyTorch bfloat16 autocast'],
  isCommon: true,
};
const row = {
  ...{ machine: 'a, 2 cores', date: '2026-01-02', matmulGflops: 150 },
  engines: {
    'lora-studio': [{ seconds: [9, 4, 6], peakBytes: 2 ** 30, gflop: 480, setupSeconds: 1, others: 0.034 }],
    'PyTorch float32': [{ seconds: [9, 10, 12], peakBytes: 3 * 2 ** 30 }],
  },
};

test('ours over the peer, best and median, beside the bound; engines that did not run are not there', () => {
  expect(comparisons({ one, row, peakGflops: 200 })).toEqual([
    {
      figure: 'a step: lora-studio / PyTorch float32',
      ...{ measured: '0.40 (median 0.50)', bound: '≤ 0.50', isReached: true },
    },
    { figure: 'a step: lora-studio, time', measured: '4.00 s', bound: '≤ 3.00 s', isReached: false },
    {
      figure: 'a step: lora-studio, peak memory',
      measured: '1.00 GiB',
      bound: '≤ 1.86 GiB',
      isReached: true,
    },
    {
      figure: 'a step: lora-studio, share of matmul peak',
      measured: '60 %',
      bound: '≥ 55 %',
      isReached: true,
    },
  ]);
});

test('a bound that is not reached says so; a ratio without a bound says nothing', () => {
  const slow = { ...row.engines, 'PyTorch bfloat16 autocast': [{ seconds: [1, 2], peakBytes: 1 }] };
  const lines = comparedTable([{ one, row: { ...row, engines: slow }, peakGflops: 200 }])!.split('\n');
  expect(lines.find(line => line.includes('autocast'))).toMatch(/\| 2\.00 \(median 3\.00\) \| {2}\| {2}\|$/);
  expect(lines.find(line => line.includes(', time'))).toMatch(/\*\*no\*\* \|$/);
});

test('what LoRAs cost, ours beside its bound and a peer’s', () => {
  const goals = { mostOverWithout: 1.03 };
  const withLora = { ...one, ours: [{ engine: 'lora-studio', goals }] };
  const engines = {
    'lora-studio': [{ seconds: [9, 5.2], without: [9, 5], peakBytes: 1 }],
    'PyTorch float32': [{ seconds: [9, 11], without: [9, 10], peakBytes: 1 }],
  };
  const found = comparisons({ one: withLora, row: { ...row, engines }, peakGflops: 200 });
  expect(found.slice(1)).toEqual([
    {
      figure: 'a step: lora-studio, over without LoRA',
      ...{ measured: '1.040', bound: '≤ 1.03', isReached: false },
    },
    {
      figure: 'a step: PyTorch float32, over without LoRA',
      ...{ measured: '1.100', bound: '', isReached: undefined },
    },
  ]);
});

test('the measurements: times, peak, GFLOP/s and their share of the peak', () => {
  const lines = measuredTable([{ one, row, peakGflops: 200 }]).split('\n');
  expect(lines.slice(2)).toEqual([
    '| a step | lora-studio | 4.00 s | 6.00 s | 1.00 GiB | 120 (60 %) | 1.00 s | 3 % | 2026-01-02 |',
    '| a step | PyTorch float32 | 10.00 s | 12.00 s | 3.00 GiB |  |  |  | 2026-01-02 |',
  ]);
});

test('the document has a section for each machine', () => {
  const other = { ...row, machine: 'b, 8 cores', matmulGflops: 900 };
  const rows = { 'VAE encode, 512²': other, 'SD 1.5 training step, 512²': row };
  const headings = documentOf({ rows }).match(/^## .*$/gm);
  expect(headings).toEqual(['## a, 2 cores', '## b, 8 cores']);
});

test('the peak is the best of its machine', () => {
  const other = { ...row, machine: 'b, 8 cores', matmulGflops: 900 };
  const rows = {
    'VAE encode, 512²': { ...row, matmulGflops: 170 },
    'SD 1.5 training step, 512²': row,
    'VAE decode, 512²': other,
  };
  const peaks = measuredOf({ rows }).map(({ one: { name }, peakGflops }) => [name, peakGflops]);
  expect(peaks).toEqual([
    ['SD 1.5 training step, 512²', 170],
    ['VAE decode, 512²', 900],
    ['VAE encode, 512²', 170],
  ]);
});
