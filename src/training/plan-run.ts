/** @file What a run would do, decided from recipe and checkpoint before anything is read or computed. */
import { usageError } from '../errors.ts';
import type { TrainedLayer } from '../lora/index.ts';
import type { Checkpoint } from '../models/index.ts';
import { checkLayers } from './check-layers.ts';
import { planLayers } from './plan-layers.ts';
import { completeRecipe, type GivenRecipe, type Recipe } from './recipe/recipe.ts';

function checkRecipe({ resolution, bucketStep, warmupSteps, steps }: Recipe, latentScale: number): void {
  if (bucketStep % latentScale !== 0) {
    throw usageError('RECIPE_INVALID', `recipe field bucketStep: must be a multiple of ${latentScale}`);
  }
  if (warmupSteps > steps) {
    throw usageError(
      'RECIPE_INVALID',
      `recipe field warmupSteps: ${warmupSteps} is more than ${steps} steps`,
    );
  }
  const { width, height } = resolution;
  if (width % bucketStep === 0 && height % bucketStep === 0) return;
  const message = `--resolution ${width}x${height}: sides must be multiples of ${bucketStep}`;
  throw usageError('RESOLUTION_INVALID', message);
}

/** What a run would train, without encoding anything. */
export function planRun(
  checkpoint: Checkpoint,
  given: GivenRecipe,
): { recipe: Recipe; layers: TrainedLayer[] } {
  const recipe = completeRecipe(given, checkpoint.family, checkpoint.resolution);
  checkRecipe(recipe, checkpoint.latentScale);
  const layers = planLayers(checkpoint, recipe);
  checkLayers(recipe, layers);
  return { recipe, layers };
}
