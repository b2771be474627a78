/** @file What sd-scripts has no key for in the objective of a run, in words for its comment. */
import type { Recipe } from '../recipe/recipe.ts';

/** Nothing where a run is as usual: `soft min-SNR 5`, `timesteps 200 to 800, sigmoid 0.1 7`. */
export function objectiveWords(recipe: Recipe): string[] {
  const { softMinSnrGamma, scaleVLoss, vLikeLoss, predictionType, timesteps } = recipe;
  const { minTimestep, maxTimestep, timestepBias, timestepWeight } = recipe;
  const isShaped = timesteps !== 'uniform' && timesteps !== 'cos-map';
  const drawn = [
    ...(minTimestep > 0 || maxTimestep !== null ? [`${minTimestep} to ${maxTimestep ?? 'the last'}`] : []),
    ...(timesteps === 'uniform' ? [] : [timesteps]),
    ...(isShaped ? [`bias ${timestepBias}, weight ${timestepWeight}`] : []),
  ];
  return [
    ...(predictionType === null ? [] : [`trained for ${predictionType}`]),
    ...(softMinSnrGamma > 0 ? [`soft min-SNR ${softMinSnrGamma}`] : []),
    ...(scaleVLoss ? ['v loss scaled like noise'] : []),
    ...(vLikeLoss > 0 ? [`v-like loss ${vLikeLoss}`] : []),
    ...(drawn.length > 0 ? [`timesteps ${drawn.join(', ')}`] : []),
  ];
}
