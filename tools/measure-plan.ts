/**
 * @file What `lora train --plan` predicts beside what happens, as a table: peak memory and time per step, each run in a
 * process of its own. The machine is measured several times before and after each run, and the best of that is set
 * against the best of the steps: both are what it does when nothing else runs. Medians are shown beside.
 *
 *     node tools/measure-plan.ts <SD 1.5 checkpoint> [case …]
 *
 * `tools/make-checkpoint.ts` makes a checkpoint with random weights. Nothing else should run beside it.
 */
import { execFileSync } from 'node:child_process';
import { z } from 'zod';
import { openCheckpoint } from '../src/models/index.ts';
import { type GivenRecipe, planRun } from '../src/training/index.ts';
import { type MachineSpeed, measureSpeed } from '../src/workbench/plan/machine-speed.ts';
import { type Plan, planMemory, predictTime } from '../src/workbench/plan/plan.ts';

interface Case {
  readonly name: string;
  readonly isPocket?: boolean;
  readonly recipe: GivenRecipe;
  readonly memory?: number;
}

const square = (side: number): GivenRecipe => ({
  resolution: { width: side, height: side },
  caption: 'a zorbi',
});

const cases: readonly Case[] = [
  { name: 'pocket', isPocket: true, recipe: { steps: 120 } },
  {
    name: 'pocket, batch 8, 8-bit AdamW and average',
    isPocket: true,
    recipe: { steps: 60, batch: 8, optimizer: 'adamw8bit', emaDecay: 0.99 },
  },
  { name: '256²', recipe: { ...square(256), steps: 12 } },
  { name: '512²', recipe: { ...square(512), steps: 6 } },
  { name: '512², --memory 5GB', recipe: { ...square(512), steps: 4 }, memory: 5e9 },
  { name: '512², batch 2, --memory 6GB', recipe: { ...square(512), steps: 3, batch: 2 }, memory: 6e9 },
];

const measuredSchema = z.object({
  seconds: z.array(z.number()),
  peakBytes: z.number(),
  warnings: z.array(z.string()),
});

function measureRun(base: string, { recipe, memory }: Case) {
  const options = ['tools/measure-run.ts', base, 'examples/zorbi-character', JSON.stringify(recipe)];
  const limit = memory === undefined ? [] : ['--memory', String(memory)];
  const text = execFileSync(process.execPath, [...options, ...limit], { encoding: 'utf8' });
  return measuredSchema.parse(JSON.parse(text));
}

function ways({ recipe }: Plan): string {
  const { recompute, baseWeights, batch, accumulate } = recipe;
  const kept = recompute === true ? 'recomputed' : recompute ? 'finest recomputed' : 'kept';
  return `${kept}, ${baseWeights}, ${batch} × ${accumulate}`;
}

/** The best of several looks. */
async function bestSpeed(before: MachineSpeed = { flops: 0, bytes: 0 }): Promise<MachineSpeed> {
  let { flops, bytes } = before;
  for (let i = 0; i < 4; i++) {
    const one = await measureSpeed();
    [flops, bytes] = [Math.max(flops, one.flops), Math.max(bytes, one.bytes)];
  }
  return { flops, bytes };
}

const [base, ...wanted] = process.argv.slice(2);
if (!base) {
  console.error('usage: measure-plan <SD 1.5 checkpoint> [case …]');
  process.exit(2);
}
console.log(
  '| run | way | peak predicted | measured | difference | machine | step predicted | median | best | difference of median, best |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
for (const one of cases.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const path = one.isPocket ? 'pretrained/pocket' : base;
  const checkpoint = openCheckpoint(path);
  const plan = planMemory(checkpoint, planRun(checkpoint, one.recipe), one.memory);
  const before = await bestSpeed();
  const { seconds, peakBytes, warnings } = measureRun(path, one);
  const speed = await bestSpeed(before);
  const { seconds: step } = await predictTime(checkpoint, plan, speed);
  const sorted = seconds.sort((a, b) => a - b);
  const [best, median] = [sorted[0], sorted[Math.floor(sorted.length / 2)]];
  const percent = (predicted: number, measured: number): string =>
    `${(100 * (predicted / measured - 1)).toFixed(1)} %`;
  const bytes = [plan.peakBytes, peakBytes].map(value => `${(value / 1e9).toFixed(3)} GB`);
  const times = [step, median, best].map(value => `${value.toPrecision(3)} s`);
  const machine = `${(speed.flops / 1e9).toFixed(0)} GFLOP/s, ${(speed.bytes / 1e9).toFixed(0)} GB/s`;
  const cells = [one.name, ways(plan), ...bytes, percent(plan.peakBytes, peakBytes), machine, ...times];
  console.log(`| ${cells.join(' | ')} | ${percent(step, median)}, ${percent(step, best)} |`);
  for (const warning of warnings.filter(text => text.includes('times as long'))) console.log(`  ${warning}`);
}
