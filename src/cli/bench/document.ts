/** @file bench/RESULTS.md: all results, the machines apart. */
import { cases } from './cases.ts';
import type { Results } from './results.ts';
import { comparedTable, everydayTable, type MeasuredCase, measuredTable } from './table.ts';

const intro = `# Benchmarks

Written by \`npm run bench -- --all --peer\` from \`results.json\`, which keeps every run. Engines ran in turn, each in a process of
its own; best and median of all repetitions but each process's first. Training steps: LoRA rank 16 on all linear layers of the
transformers; loss, gradients and AdamW included. Weights are random, of the real shapes; ours are mapped from files, the peers'
are made in memory. Peak memory is that of the whole process (VmHWM), with the pages of mapped weights. GFLOP/s count the products
and convolutions of the plain graph; Winograd's convolutions need fewer, so that more than 100 % of the matmul peak is possible.
"PyTorch bfloat16 autocast" has weights in float32, "bfloat16 weights" the whole base in bfloat16 (A and B in float32).
"To first step": ours is the whole command \`lora train --steps 1\`, the file written included; sd-scripts and diffusers are
stopped when the optimizer's first step is done. All of them train the UNet alone.
`;

/** What was measured on each machine. */
function byMachine({ rows }: Results): Map<string, MeasuredCase[]> {
  const measured = cases.flatMap(one => (rows[one.name] ? [{ one, row: rows[one.name] }] : []));
  return Map.groupBy(measured, ({ row }) => row.machine);
}

/** The lines under a heading of the machine. */
export function tablesOf(measured: readonly MeasuredCase[]): string {
  const peaks = measured.map(({ row }) => row.matmulGflops);
  const [least, most] = [Math.min(...peaks), Math.max(...peaks)].map(peak => peak.toFixed(0));
  const peak = `Matmul peak ${least === most ? least : `${least} to ${most}`} GFLOP/s, measured before each case.`;
  const compared = comparedTable(measured);
  return [peak, measuredTable(measured), ...(compared ? [compared] : [])].join('\n\n');
}

export function documentOf(results: Results): string {
  const sections = [...byMachine(results)].map(
    ([machine, measured]) => `## ${machine}\n\n${tablesOf(measured)}\n`,
  );
  const { everyday } = results;
  const waits = everyday
    ? [`## Every day\n\n${everyday.machine}, ${everyday.date}\n\n${everydayTable(everyday)}\n`]
    : [];
  return [intro, ...sections, ...waits].join('\n');
}
