/** Training: from pictures and a recipe to a LoRA file, resumable at every step. */

export { completeRecipe, type GivenRecipe, parseRecipe, type Recipe } from './recipe.ts';
export {
  fingerprintFiles,
  type Progress,
  planRun,
  type TrainRequest,
  type TrainResult,
  train,
} from './train.ts';
export { buildTrainStep, openTrainStep, type StepShape } from './train-step.ts';
