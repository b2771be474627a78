/**
 * @file How long a step will take: what its graph computes, over what this machine was just measured to compute. The
 * factors were found on two machines (docs/memory.md): a step of SD 1.5 reaches eight tenths of the peak of short runs, which is above what is held for minutes.
 */
import { elementCount, type Graph, reachableNodes } from '../../engine/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import { countParameters, secondsOfUpdate } from '../../training/index.ts';
import { type MachineSpeed, measureSpeed } from './machine-speed.ts';
import { type Plan, stepGraphOf } from './memory.ts';

/** Of a large product's speed, in convolutions, products, attention and what is done element by element between them. */
const efficiency = 0.8;

/** What an operation costs besides, however small: in floating point operations of a large product. */
const flopsOfOperation = 2.6e6;

export interface StepTime {
  readonly seconds: number;
  /** The machine's measured peak. */
  readonly gflops: number;
}

/** Bytes of weights that a step reads: once forward, and again wherever backward needs them. */
function weightTraffic(graph: Graph): number {
  let bytes = 0;
  for (const { inputs } of reachableNodes(graph))
    for (const { origin, shape } of inputs) if (origin.kind === 'weight') bytes += 4 * elementCount(shape);
  return bytes;
}

/** Below this, weights stay in caches from one operation to the next. */
const cachedBytes = 64e6;

/** Seconds of one micro-step on a machine of this speed. */
export function microStepSeconds(
  { cost }: Pick<Plan, 'cost'>,
  graph: Graph,
  { flops, bytes }: MachineSpeed,
): number {
  const traffic = weightTraffic(graph);
  return (
    cost.flops / (efficiency * flops) +
    (cost.nodes * flopsOfOperation) / flops +
    (traffic > cachedBytes ? traffic / bytes : 0)
  );
}

/** Predicts the time of a step on the processor, measuring the machine first (about a second). */
export async function predictTime(
  checkpoint: Checkpoint,
  plan: Plan,
  speed?: MachineSpeed,
  updateSeconds = secondsOfUpdate,
): Promise<StepTime> {
  const { recipe, layers } = plan;
  const measured = speed ?? (await measureSpeed());
  const graph = stepGraphOf(checkpoint, layers, recipe);
  const update = updateSeconds(recipe, countParameters(layers));
  const seconds = recipe.accumulate * microStepSeconds(plan, graph, measured) + update;
  return { seconds, gflops: measured.flops / 1e9 };
}
