/** Plans: what fits is chosen from fast to small, batches are cut without changing what a step sees, and time follows the work. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeCheckpoint } from '../../../test/support/make-checkpoint.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { openCheckpoint } from '../../models/index.ts';
import { countParameters, type GivenRecipe, planRun } from '../../training/index.ts';
import { type MachineSpeed, measureSpeed } from './machine-speed.ts';
import { type Plan, planMemory, predictTime } from './plan.ts';

/** SD 1.5 of nothing but zeros, which take no space. */
const file = join(temporaryFolder(), 'large.safetensors');
await makeCheckpoint(file, { model: 'sd15', dtype: 'float32', isSparse: true });
const large = openCheckpoint(file);
const square = (side: number): GivenRecipe => ({ resolution: { width: side, height: side } });
const plan = (given: GivenRecipe, memory?: number): Plan => planMemory(large, planRun(large, given), memory);
const wayOf = ({ recipe: { recompute, baseWeights, batch, accumulate } }: Plan) =>
  [recompute, baseWeights, batch, accumulate] as const;

test('a batch is cut before all is computed again, and the samples of a step stay as many', () => {
  const given = { ...square(256), batch: 4, accumulate: 3 };
  const whole = plan(given);
  expect(wayOf(whole)).toEqual([false, 'file', 4, 3]);
  const seen = new Set<string>();
  for (let memory = whole.peakBytes; ; ) {
    try {
      const { recipe, peakBytes } = plan(given, memory);
      expect(peakBytes).toBeLessThanOrEqual(memory);
      memory = peakBytes - 1;
      expect(recipe.batch * recipe.accumulate).toBe(12);
      seen.add(`${recipe.baseWeights} ${recipe.batch} ${recipe.recompute}`);
    } catch (error) {
      expect(error).toMatchObject({ code: 'MEMORY_TOO_SMALL' });
      break;
    }
  }
  const exact = ['file 4 false', 'file 4 finest', 'file 2 false', 'file 1 false', 'file 1 true'];
  expect([...seen].filter(way => exact.includes(way))).toEqual(exact);
  expect([...seen].at(-1)).toBe('float16 1 true');
});

test('what a run remembers is counted: optimizer, average, best', () => {
  const peak = (given: GivenRecipe): number => plan({ ...square(256), rank: 16, ...given }).peakBytes;
  const adamw = peak({});
  const trained = countParameters(plan({ ...square(256), rank: 16 }).layers);
  // 8-bit moments take 6 bytes less a number, in the run and at the point that a rollback goes to.
  expect((adamw - peak({ optimizer: 'adamw8bit' })) / trained).toBeGreaterThan(11);
  expect((adamw - peak({ optimizer: 'adamw8bit' })) / trained).toBeLessThan(12.1);
  expect(peak({ emaDecay: 0.99 }) - adamw).toBe(8 * trained);
  expect(peak({ validationShare: 0.2 }) - adamw).toBe(8 * trained);
});

/** A machine of 2026: see docs/memory.md. */
const speed: MachineSpeed = { flops: 357e9, bytes: 55e9 };

/** AdamW there: 30 ms for 7 million numbers. */
const update = (_: unknown, numbers: number): number => numbers * 4.3e-9;

test('time on the machine where it was measured: 1.33 s at 256², 5.65 s at 512² (SD 1.5), 31 ms (embedded)', async () => {
  const seconds = async (given: GivenRecipe): Promise<number> =>
    (await predictTime(large, plan(given), speed, update)).seconds;
  expect(Math.abs((await seconds(square(256))) / 1.33 - 1)).toBeLessThan(0.2);
  expect(Math.abs((await seconds(square(512))) / 5.65 - 1)).toBeLessThan(0.2);
  expect(await seconds({ ...square(512), accumulate: 2 })).toBeGreaterThan(
    1.9 * (await seconds(square(512))),
  );
  const pocket = openCheckpoint('pretrained/pocket');
  const small = planMemory(pocket, planRun(pocket, {}));
  expect(Math.abs((await predictTime(pocket, small, speed, update)).seconds / 0.031 - 1)).toBeLessThan(0.2);
});

test('this machine can be measured', async () => {
  const { flops, bytes } = await measureSpeed();
  expect(flops).toBeGreaterThan(1e9);
  expect(bytes).toBeGreaterThan(1e8);
});
