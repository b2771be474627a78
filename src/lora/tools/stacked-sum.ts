/** @file Σ ΔW of plain LoRAs on one layer as one product: [f₁·up₁ … fₙ·upₙ]·[down₁; …; downₙ]. */
import { elementCount, type Shape, type Tensor } from '../../engine/index.ts';
import { type AppliedModule, factorOf, stackDowns } from '../attach/combine.ts';
import { type Multiply, matrix } from '../kinds/matrices.ts';
import { isLowRank } from '../kinds/module.ts';

export const isStackable = ({ module }: AppliedModule): boolean => isLowRank(module) && !module.tensors.mid;

/** Numbers of a product that are made at once: they stay in the processor's caches until they are added. */
const runOfNumbers = 2 ** 19;

/** The least number of equal runs of rows that are short enough. */
function runsOf(rows: number, columns: number): number {
  let runs = Math.ceil((rows * columns) / runOfNumbers);
  while (rows % runs !== 0) runs++;
  return runs;
}

/** Strength·alpha/rank is inside `up`. */
function stacked(modules: readonly AppliedModule[], rows: number) {
  const rank = modules.reduce((sum, { module }) => sum + module.rank, 0);
  const up = new Float32Array(rows * rank);
  let start = 0;
  for (const applied of modules) {
    const { module } = applied;
    const factor = factorOf(applied);
    const own = module.tensors.up as Tensor;
    for (let row = 0; row < rows; row++)
      for (let r = 0; r < module.rank; r++)
        up[row * rank + start + r] = factor * own.data[row * module.rank + r];
    start += module.rank;
  }
  return { rank, up, down: stackDowns(modules) };
}

/** A run of rows after the other. */
export async function* stackedSum(
  modules: readonly AppliedModule[],
  shape: Shape,
  multiply: Multiply,
): AsyncGenerator<{ start: number; numbers: Float32Array }> {
  const rows = shape[0];
  const columns = elementCount(shape.slice(1));
  const { rank, up, down } = stacked(modules, rows);
  const count = rows / runsOf(rows, columns);
  for (let row = 0; row < rows; row += count) {
    const part = matrix(count, rank, up.subarray(row * rank, (row + count) * rank));
    yield { start: row * columns, numbers: await multiply(part, matrix(rank, columns, down)) };
  }
}
