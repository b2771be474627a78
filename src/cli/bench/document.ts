/** @file bench/RESULTS.md: all results, the machines apart. */
import { type Case, cases } from './cases.ts';
import type { Results } from './results.ts';
import { comparedTable, everydayTable, type MeasuredCase, measuredTable } from './table.ts';

const intro = `# Benchmarks

Written by \`npm run bench -- --all --peer\` from \`results.json\`, which keeps every run. Engines ran in turn, each in a process of
its own; best and median of all repetitions but each process's first. Training steps: LoRA rank 16 on all linear layers of the
transformers; loss, gradients and AdamW included. Weights are random, of the real shapes; ours are mapped from files, the peers'
are made in memory. Peak memory is that of the whole process (VmHWM), with the pages of mapped weights. GFLOP/s count the products
and convolutions of the plain graph; Winograd's convolutions need fewer, so that more than 100 % of the matmul peak is possible.
"PyTorch bfloat16 autocast" has weights in float32, "bfloat16 weights" the whole base in bfloat16 (A and B in float32).
"To first step": from process start to the end of the optimizer's first step; sd-scripts and diffusers are stopped there, ours goes on
to write its file. They train the UNet alone unless "text encoder" is said. "To written file" is
the whole command on both sides.
LoRA tools: from process start to the written file, sd-scripts' scripts unchanged. "Over without LoRA": a step with LoRAs over its
neighbour without, both in one process in turn, the median. Another LoRA file: ours from file to feeds and what the next step takes
longer than the one after it; diffusers' load_lora_weights, set_adapters and delete_adapters.
"Others" is the largest share of all cores that other programs (or other guests of the host) used during a run: the more, the less the
figure is worth.
`;

/** What was measured of some cases, with the best matmul peak of each machine. */
export function measuredOf(results: Results, chosen: readonly Case[] = cases): MeasuredCase[] {
  const peaks = new Map<string, number>();
  for (const { machine, matmulGflops } of Object.values(results.rows))
    peaks.set(machine, Math.max(peaks.get(machine) ?? 0, matmulGflops));
  return chosen.flatMap(one => {
    const row = results.rows[one.name];
    return row ? [{ one, row, peakGflops: peaks.get(row.machine) as number }] : [];
  });
}

/** The lines under the heading of a machine. */
export function tablesOf(measured: readonly MeasuredCase[]): string {
  const peak = `Matmul peak ${measured[0].peakGflops.toFixed(0)} GFLOP/s, the best of those measured before each case.`;
  const compared = comparedTable(measured);
  return [peak, measuredTable(measured), ...(compared ? [compared] : [])].join('\n\n');
}

export function documentOf(results: Results): string {
  const machines = Map.groupBy(measuredOf(results), ({ row }) => row.machine);
  const sections = [...machines].map(([machine, measured]) => `## ${machine}\n\n${tablesOf(measured)}\n`);
  const { everyday } = results;
  const waits = everyday
    ? [`## Every day\n\n${everyday.machine}, ${everyday.date}\n\n${everydayTable(everyday)}\n`]
    : [];
  return [intro, ...sections, ...waits].join('\n');
}
