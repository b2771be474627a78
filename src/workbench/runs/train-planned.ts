/** @file A run as both doors start it: planned within the memory that there is, shown on the way, examined in the end. */
import type { SessionOptions } from '../../engine/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import {
  baseOf,
  type GivenRecipe,
  isSmall,
  type PlannedRun,
  planRun,
  type TrainRequest,
  type TrainResult,
  train,
} from '../../training/index.ts';
import { planMemory } from '../plan/memory.ts';
import { describeHeld } from '../plan/plan.ts';
import { drawExamined } from '../previews/draw-examined.ts';
import { previewsOf } from '../previews/previews-of.ts';

export interface RunWithin {
  readonly planned: PlannedRun;
  /** What the run is started with. */
  readonly recipe: GivenRecipe;
  /** Memory is scarce. */
  readonly frugal: boolean;
}

/** Plans a run so that it fits into `memory` bytes, where they are said. Throws as planRun and planMemory do. */
export function planWithin(
  checkpoint: Checkpoint,
  given: GivenRecipe,
  memory: number | undefined,
  note: (text: string) => void,
): RunWithin {
  const planned = planRun(checkpoint, given);
  const isPlain = memory === undefined && planned.recipe.baseWeights === 'file';
  const plan = isPlain ? undefined : planMemory(checkpoint, planned, memory);
  if (plan && !plan.isExact) note(`base weights are ${describeHeld(plan)}`);
  return { planned, recipe: plan?.recipe ?? given, frugal: memory !== undefined };
}

export interface PlannedRequest
  extends Omit<TrainRequest, 'recipe' | 'session' | 'frugal' | 'previews' | 'drawWith'> {
  readonly session: SessionOptions;
  readonly note: (text: string) => void;
}

/** Trains; see TrainRequest. */
export async function trainPlanned(
  { planned, recipe, frugal }: RunWithin,
  { note, ...request }: PlannedRequest,
): Promise<TrainResult> {
  const { checkpoint, session, out } = request;
  const base = baseOf(checkpoint, planned.recipe);
  const { previews, release } = previewsOf({
    ...{ checkpoint: base, recipe: planned.recipe, session, out, frugal, note },
  });
  return train({
    ...{ ...request, recipe, frugal },
    ...(previews ? { previews } : {}),
    // Of a large model, eight pictures would take minutes.
    ...(isSmall(base) ? { drawWith: drawExamined(base, session) } : {}),
  }).finally(release);
}
