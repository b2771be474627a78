/** @file The noise schedule and prediction type of a run: the checkpoint's, unless the recipe says otherwise. */
import { type NoiseSchedule, noiseSchedule } from '../../diffusion/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import type { Recipe } from '../recipe/recipe.ts';

type Scheduler = Checkpoint['scheduler'];

/** What a run trains for; a null of the recipe is "as the checkpoint says". */
export function trainedScheduler(
  { scheduler }: Pick<Checkpoint, 'scheduler'>,
  { predictionType, zeroTerminalSnr }: Pick<Recipe, 'predictionType' | 'zeroTerminalSnr'>,
): Scheduler {
  return {
    ...scheduler,
    predictionType: predictionType ?? scheduler.predictionType,
    rescaleZeroTerminalSnr: zeroTerminalSnr ?? scheduler.rescaleZeroTerminalSnr,
  };
}

/** The base as a run sees it: what it says of its noise is what the run trains for. */
export function asTrained(
  checkpoint: Checkpoint,
  recipe: Pick<Recipe, 'predictionType' | 'zeroTerminalSnr'>,
): Checkpoint {
  return { ...checkpoint, scheduler: trainedScheduler(checkpoint, recipe) };
}

/** ᾱ of every training timestep. */
export function trainingSchedule(scheduler: Scheduler): NoiseSchedule {
  const { trainSteps, betaStart, betaEnd, betaSchedule, rescaleZeroTerminalSnr } = scheduler;
  return noiseSchedule({ trainSteps, betaStart, betaEnd, kind: betaSchedule, rescaleZeroTerminalSnr });
}
