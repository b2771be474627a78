/**
 * @file One run in a process of its own, for measure-plan.ts: trains some steps and prints what they took, as JSON. The
 * numbers are those of the whole process: VmHWM, with the pages of mapped weights.
 *
 *     node tools/measure-run.ts <base> <folder> <recipe as JSON> [--memory <bytes>]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { peakBytes } from '../src/cli/bench/peak-memory.ts';
import { openCheckpoint } from '../src/models/index.ts';
import { parseRecipe, planRun, train } from '../src/training/index.ts';
import { planMemory } from '../src/workbench/plan/plan.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { memory: { type: 'string' } },
});
const [base, folder, recipeText] = positionals;
const given = parseRecipe(recipeText, 'the recipe');
const checkpoint = openCheckpoint(base);
const memory = values.memory === undefined ? undefined : Number(values.memory);
const recipe =
  memory === undefined ? given : planMemory(checkpoint, planRun(checkpoint, given), memory).recipe;
const out = mkdtempSync(join(tmpdir(), 'lora-measure-'));
const seconds: number[] = [];
const warnings: string[] = [];
let before = 0;
try {
  await train({
    ...{ data: folder, checkpoint, recipe, out: join(out, 'x.safetensors'), resume: false },
    frugal: memory !== undefined,
    onProgress: progress => {
      if (progress.phase === 'start') before = peakBytes();
      if (progress.phase === 'warning') warnings.push(progress.warning.message);
      if (progress.phase === 'step' && !progress.opened) seconds.push(progress.seconds);
    },
  });
} finally {
  rmSync(out, { recursive: true });
}
process.stdout.write(
  `${JSON.stringify({ seconds, peakBytes: peakBytes(), peakBeforeSteps: before, warnings })}\n`,
);
