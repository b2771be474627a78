/** @file What a run would do, decided from recipe and checkpoint before anything is read or computed. */
import type { DatasetScan } from '../dataset/index.ts';
import type { TrainedLayer } from '../lora/index.ts';
import type { Checkpoint } from '../models/index.ts';
import { checkLayers, layerProblems } from './check-layers.ts';
import { planLayers } from './plan-layers.ts';
import { type Advice, adviseOnSet, baseFacts, reviewRecipe } from './recipe/check-recipe.ts';
import { recipeError } from './recipe/problems.ts';
import { completeRecipe, type GivenRecipe, type Recipe } from './recipe/recipe.ts';

export interface PlannedRun {
  readonly recipe: Recipe;
  readonly layers: TrainedLayer[];
  /** What can be done but is hardly what was meant. */
  readonly advice: readonly Advice[];
}

/**
 * What a run would train, without encoding anything. Throws RECIPE_INVALID with all that is wrong, RESOLUTION_INVALID,
 * RANK_INVALID, RANK_TOO_LARGE, TARGET_UNKNOWN or OPTIONS_CLASH.
 */
export function planRun(checkpoint: Checkpoint, given: GivenRecipe): PlannedRun {
  const recipe = completeRecipe(given, checkpoint.family, checkpoint.resolution);
  const { problems, advice } = reviewRecipe(recipe, baseFacts(checkpoint));
  if (problems.length > 0) throw recipeError(problems);
  const layers = planLayers(checkpoint, recipe);
  const ofLayers = layerProblems(recipe, layers);
  if (ofLayers.length > 0) throw recipeError(ofLayers);
  checkLayers(layers);
  return { recipe, layers, advice };
}

/** Advice about a recipe and the pictures that a scan found. */
export function adviseOnScan(checkpoint: Checkpoint, recipe: Recipe, { pictures }: DatasetScan): Advice[] {
  const own = pictures.filter(({ rules }) => !rules.isRegularisation);
  return adviseOnSet(recipe, baseFacts(checkpoint), {
    pictures: own.length,
    different: new Set(own.map(({ hash }) => hash)).size,
    samplesPerEpoch: pictures.reduce((sum, { repeats }) => sum + repeats, 0),
    captions: own.map(({ caption }) => caption),
    ...(recipe.mask === 'files' ? { masks: own.filter(({ mask }) => mask !== undefined).length } : {}),
  });
}
